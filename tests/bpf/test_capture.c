/* SPDX-License-Identifier: BSD-2-Clause */
/* bpf/capture.h: what is dropped is shown with its reason while somebody looks, and nothing else ever. */
#define _GNU_SOURCE
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"
#include "maps/capture.h"
#include "datapath.skel.h"

static struct capture_drop shown;
static unsigned shown_count;
static struct ring_buffer *ring;

static int on_drop(void *arg, void *data, size_t size)
{
	(void)arg;
	assert_int_equal(size, sizeof(shown));
	memcpy(&shown, data, sizeof(shown));
	shown_count++;
	return 0;
}

static unsigned look(void)
{
	shown_count = 0;
	ring_buffer__consume(ring);
	return shown_count;
}

static void begin(struct fixture *fx)
{
	const int fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "drops", 0, 0, CAPTURE_DROPS_SIZE, NULL);
	const uint32_t only = 0;

	assert_true(fd >= 0);
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(fx->skel->maps.captures), &only, &fd, BPF_ANY), 0);
	ring = ring_buffer__new(fd, on_drop, NULL, NULL);
	assert_non_null(ring);
	close(fd);
}

static int begin_native(void **state)
{
	int err = fixture_native(state);

	begin(*state);
	protect_all(*state);
	return err;
}

static int begin_generic(void **state)
{
	int err = fixture_generic(state);

	begin(*state);
	protect_all(*state);
	return err;
}

static int end(void **state)
{
	ring_buffer__free(ring);
	return fixture_free(state);
}

static void assert_shown(const struct frame *f, enum sa_direction direction, enum reason reason)
{
	assert_int_equal(look(), 1);
	assert_int_equal(shown.record.len, f->len);
	assert_int_equal(shown.record.caplen, f->len);
	assert_int_equal(shown.record.direction, direction);
	assert_int_equal(shown.record.reason, reason);
	assert_int_equal(shown.record.ifindex, NIC);
	assert_true(boot_ns() - shown.record.time_ns < 10000000000ULL);
	assert_memory_equal(shown.frame, f->data, f->len);
}

static void what_xdp_drops(void **state)
{
	struct frame clear = FRAME(.proto = IPPROTO_UDP),
		     unknown = FRAME(.proto = IPPROTO_ESP, .spi = 0x1234, .seq = 1);

	assert_int_equal(run_xdp(*state, &clear).verdict, XDP_DROP);
	assert_shown(&clear, SA_INBOUND, REASON_CLEARTEXT_PROTECTED);
	assert_int_equal(run_xdp(*state, &unknown).verdict, XDP_DROP);
	assert_shown(&unknown, SA_INBOUND, REASON_NO_SA);
}

static void what_goes_on_is_not_shown(void **state)
{
	struct frame known = FRAME(.proto = IPPROTO_ESP, .spi = 0x1234, .seq = 1);
	struct fixture *fx = *state;

	put_inbound(fx, 5, 0x1234);
	assert_int_equal(run_xdp(fx, &known).verdict, XDP_REDIRECT);
	assert_int_equal(look(), 0);
}

static void what_leaves_and_is_dropped(void **state)
{
	struct frame out = FRAME(.proto = IPPROTO_UDP, .src = LOCAL, .dst = REMOTE);

	assert_int_equal(run_egress(*state, &out).verdict, TC_ACT_SHOT);
	assert_shown(&out, SA_OUTBOUND, REASON_NO_SA);
}

static void what_is_opened_and_at_odds(void **state)
{
	struct frame f = FRAME(.proto = IPPROTO_UDP);
	struct fixture *fx = *state;

	PUT_RULES(fx, REMOTE "/32", {ANY_PORT, .action = SPD_DISCARD});
	assert_int_equal(run_tap_ingress(fx, &f).verdict, TC_ACT_SHOT);
	assert_shown(&f, SA_INBOUND, REASON_POLICY_MISMATCH);
}

static void what_generic_mode_drops(void **state)
{
	struct frame clear = FRAME(.proto = IPPROTO_UDP);

	assert_int_equal(run_nic_ingress(*state, &clear, 0).verdict, TC_ACT_SHOT);
	assert_shown(&clear, SA_INBOUND, REASON_CLEARTEXT_PROTECTED);
}

static uint64_t lost(struct fixture *fx)
{
	const int cpus = libbpf_num_possible_cpus();
	struct counts *each = calloc((size_t)cpus, sizeof(*each));
	const uint32_t only = 0;
	uint64_t n = 0;

	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(fx->skel->maps.stats), &only, each), 0);
	for (int i = 0; i < cpus; i++)
		n += each[i].capture_lost;
	free(each);
	return n;
}

/* Without a ring nobody looks, and nothing is missed. */
static void what_has_no_room_is_counted(void **state)
{
	const unsigned runs = CAPTURE_DROPS_SIZE / sizeof(struct capture_drop) + 10;
	struct frame clear = FRAME(.proto = IPPROTO_UDP);
	const uint32_t only = 0;
	struct fixture *fx = *state;
	uint64_t missed;

	for (unsigned i = 0; i < runs; i++)
		assert_int_equal(run_xdp(fx, &clear).verdict, XDP_DROP);
	assert_true(lost(fx) >= 10);
	missed = lost(fx);
	assert_int_equal(look() + missed, runs);
	assert_int_equal(bpf_map_delete_elem(bpf_map__fd(fx->skel->maps.captures), &only), 0);
	assert_int_equal(run_xdp(fx, &clear).verdict, XDP_DROP);
	assert_int_equal(look(), 0);
	assert_int_equal(lost(fx), missed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_xdp_drops, begin_native, end),
		cmocka_unit_test_setup_teardown(what_goes_on_is_not_shown, begin_native, end),
		cmocka_unit_test_setup_teardown(what_leaves_and_is_dropped, begin_native, end),
		cmocka_unit_test_setup_teardown(what_is_opened_and_at_odds, begin_native, end),
		cmocka_unit_test_setup_teardown(what_generic_mode_drops, begin_generic, end),
		cmocka_unit_test_setup_teardown(what_has_no_room_is_counted, begin_native, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
