/* SPDX-License-Identifier: BSD-2-Clause */
/* bpf/esp.h: ESP that arrives, from the SAD to the worker. */
#define _GNU_SOURCE
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

#define SPI	 0x12345678
#define SLOT	 5
#define ESP(...) FRAME(.proto = IPPROTO_ESP, .spi = SPI, .seq = 1, __VA_ARGS__)

static void assert_refused(struct fixture *fx, const struct frame *f, enum reason reason)
{
	uint64_t before = counts_get(&fx->sa[SLOT].drops, reason);

	assert_int_equal(run_xdp(fx, f).verdict, XDP_DROP);
	assert_counted_only(fx, reason);
	assert_int_equal(counts_get(&fx->sa[SLOT].drops, reason), before + 1);
}

static void assert_passed(struct fixture *fx, struct frame f)
{
	struct outcome out = run_xdp(fx, &f);

	assert_int_equal(out.verdict, XDP_PASS);
	assert_int_equal(out.len, f.len);
	assert_memory_equal(out.data, f.data, f.len);
	assert_counted_only(fx, REASON_ESP_PASSED);
}

static void assert_dropped(struct fixture *fx, struct frame f, enum reason reason)
{
	assert_int_equal(run_xdp(fx, &f).verdict, XDP_DROP);
	assert_counted_only(fx, reason);
}

static void assert_handed_over(const struct outcome *out, const struct frame *f)
{
	struct rx_meta meta;

	assert_int_equal(out->verdict, XDP_REDIRECT);
	assert_int_equal(out->meta_len, sizeof(meta));
	memcpy(&meta, out->data, sizeof(meta));
	assert_int_equal(meta.slot, SLOT);
	assert_int_equal(meta.generation, 2 * SLOT + 1);
	assert_int_equal(meta.l3_offset, f->l3);
	assert_int_equal(out->len, sizeof(meta) + f->len);
	assert_memory_equal(out->data + sizeof(meta), f->data, f->len);
}

static void a_known_spi_goes_to_the_worker(void **state)
{
	struct fixture *fx = *state;
	struct frame f = ESP();
	struct outcome out;

	put_inbound(fx, SLOT, SPI);
	/* No policy is asked. */
	PUT_RULES(fx, REMOTE "/32", {ANY_PORT, .action = SPD_DISCARD});
	out = run_xdp(fx, &f);
	assert_handed_over(&out, &f);
	assert_nothing_counted(fx);
	assert_int_equal(take_events(fx), 0);
}

static void generic_mode_takes_esp_too(void **state)
{
	struct fixture *fx = *state;
	struct frame f = ESP(.tags = 1);
	struct outcome out;

	put_inbound(fx, SLOT, SPI);
	out = run_xdp(fx, &f);
	assert_handed_over(&out, &f);
}

static void the_slot_stands_right_before_the_frame(void **state)
{
	struct fixture *fx = *state;
	struct frame f = ESP();

	put_inbound(fx, SLOT, SPI);
	for (size_t others = 4; others <= 32; others += 4) {
		struct outcome out = run_xdp_on(fx, &f, 0, 0, others);

		assert_handed_over(&out, &f);
	}
}

static void each_queue_has_its_socket(void **state)
{
	struct fixture *fx = *state;
	struct frame f = ESP();
	struct outcome out;
	uint32_t ifindex;

	assert_int_equal(unshare(CLONE_NEWNET), 0);
	assert_int_equal(system("ip link add v0 numrxqueues 65 type veth peer name v1"), 0);
	ifindex = if_nametoindex("v0");
	put_gate(fx, ifindex, PORT_NATIVE);
	put_inbound(fx, SLOT, SPI);
	assert_int_equal(run_xdp_on(fx, &f, ifindex, 0, 0).verdict, XDP_REDIRECT);
	assert_int_equal(run_xdp_on(fx, &f, ifindex, 1, 0).verdict, XDP_DROP);
	assert_counted_only(fx, REASON_NO_WORKER);
	worker_serves(fx, 1);
	out = run_xdp_on(fx, &f, ifindex, 1, 0);
	assert_handed_over(&out, &f);
	/* Where the next NIC's queue 0 would be. */
	worker_serves(fx, QUEUES_MAX);
	assert_int_equal(run_xdp_on(fx, &f, ifindex, QUEUES_MAX, 0).verdict, XDP_DROP);
	assert_counted_only(fx, REASON_NO_WORKER);
}

static void without_a_worker_it_is_dropped(void **state)
{
	struct fixture *fx = *state;
	struct frame f = ESP();

	put_inbound(fx, SLOT, SPI);
	worker_leaves(fx);
	assert_refused(fx, &f, REASON_NO_WORKER);
	worker_serves(fx, 0);
	assert_int_equal(run_xdp(fx, &f).verdict, XDP_REDIRECT);
}

static void spi_and_destination_are_the_key(void **state)
{
	struct fixture *fx = *state;

	put_inbound(fx, SLOT, SPI);
	put_local(fx, LOCAL);
	put_local(fx, "192.0.2.9");
	assert_dropped(fx, FRAME(.proto = IPPROTO_ESP, .spi = SPI + 1, .seq = 1), REASON_NO_SA);
	assert_dropped(fx, FRAME(.proto = IPPROTO_ESP, .spi = __builtin_bswap32(SPI), .seq = 1), REASON_NO_SA);
	assert_dropped(fx, FRAME(.proto = IPPROTO_ESP, .spi = SPI, .seq = 1, .dst = "192.0.2.9"), REASON_NO_SA);
}

static void an_sa_bound_to_a_nic_is_taken_there_only(void **state)
{
	struct fixture *fx = *state;
	struct frame f = ESP();

	put_inbound(fx, SLOT, SPI);
	bind_inbound(fx, SLOT, NIC + 1);
	assert_refused(fx, &f, REASON_NO_SA);
	bind_inbound(fx, SLOT, NIC);
	assert_int_equal(run_xdp(fx, &f).verdict, XDP_REDIRECT);
}

/* The slot was released, and claimed anew, between two writes of whoever takes the SA away. */
static void another_generation_is_no_sa(void **state)
{
	struct fixture *fx = *state;
	struct sa_state *sa = put_inbound(fx, SLOT, SPI);

	sa->generation++;
	assert_dropped(fx, ESP(), REASON_NO_SA);
	sa->generation++;
	assert_dropped(fx, ESP(), REASON_NO_SA);
	/* Published for a free slot, which nobody does who can be trusted. */
	sa->generation = 12;
	bind_inbound(fx, SLOT, 0);
	assert_dropped(fx, ESP(), REASON_NO_SA);
	assert_int_equal(counts_get(&sa->drops, REASON_NO_SA), 0);
}

static void too_short_for_esp_is_malformed(void **state)
{
	struct fixture *fx = *state;

	put_inbound(fx, SLOT, SPI);
	put_local(fx, LOCAL);
	for (size_t payload = 1; payload < 40; payload++) {
		struct frame f = ESP(.payload = payload);

		frame_pad(&f);
		if (payload >= 36)
			assert_int_equal(run_xdp(fx, &f).verdict, XDP_REDIRECT);
		else if (payload >= 8)
			assert_refused(fx, &f, REASON_MALFORMED);
		else
			assert_dropped(fx, f, REASON_MALFORMED);
	}
}

static void spi_0_is_never_on_the_wire(void **state)
{
	struct fixture *fx = *state;

	assert_dropped(fx, FRAME(.proto = IPPROTO_ESP, .spi = 0, .seq = 1), REASON_MALFORMED);
}

static void assert_unknown_spi_told(struct fixture *fx, uint32_t spi)
{
	const uint8_t src[4] = {192, 0, 2, 2}, dst[4] = {192, 0, 2, 1};

	assert_int_equal(take_events(fx), 1);
	assert_int_equal(fx->events[0].type, EVENT_UNKNOWN_SPI);
	assert_int_equal(fx->events[0].ifindex, NIC);
	assert_int_equal(fx->events[0].spi, spi);
	assert_int_equal(fx->events[0].proto, IPPROTO_ESP);
	assert_memory_equal(fx->events[0].src, src, 4);
	assert_memory_equal(fx->events[0].dst, dst, 4);
}

static void unknown_spi_auto_asks_whose_it_is(void **state)
{
	struct fixture *fx = *state;

	assert_passed(fx, ESP());
	PUT_RULES(fx, REMOTE "/32", {ANY_PORT, .action = SPD_BYPASS}, {ANY_PORT, .action = SPD_PROTECT});
	assert_passed(fx, ESP());
	PUT_RULES(fx, REMOTE "/32", {.local = {192, 0, 2, 9}, ANY_PORT, .action = SPD_PROTECT});
	assert_passed(fx, ESP());
	/* What the peer of a connection sends through this host to another. */
	PUT_RULES(fx, REMOTE "/32",
		  {.local = {192, 0, 2, 9}, ANY_PORT, .action = SPD_PROTECT, .owner = OWNER_IKE, .origin = 32});
	assert_passed(fx, ESP());
	assert_int_equal(take_events(fx), 0);

	PUT_RULES(fx, REMOTE "/32", {.proto = IPPROTO_UDP, ANY_PORT, .action = SPD_BYPASS},
		  {.proto = IPPROTO_TCP, ANY_PORT, .action = SPD_PROTECT});
	assert_dropped(fx, ESP(), REASON_NO_SA);
	assert_unknown_spi_told(fx, SPI);
	PUT_RULES(fx, REMOTE "/32", {ANY_PORT, .action = SPD_BYPASS});
	assert_passed(fx, ESP());
	put_local(fx, LOCAL);
	assert_dropped(fx, ESP(), REASON_NO_SA);
}

static int drop_setting(void **state)
{
	return fixture_with(state, UNKNOWN_SPI_DROP, MARK);
}

static void unknown_spi_drop_asks_nobody(void **state)
{
	struct fixture *fx = *state;

	assert_dropped(fx, ESP(), REASON_NO_SA);
	assert_unknown_spi_told(fx, SPI);
	assert_dropped(fx, ESP(.frag_off = 5), REASON_NO_SA);
}

static int pass_setting(void **state)
{
	return fixture_with(state, UNKNOWN_SPI_PASS, MARK);
}

static void unknown_spi_pass_leaves_it_to_the_kernel(void **state)
{
	struct fixture *fx = *state;

	protect_all(fx);
	put_local(fx, LOCAL);
	assert_passed(fx, ESP());
	assert_passed(fx, ESP(.frag_off = MORE_FRAGMENTS));
	PUT_RULES(fx, REMOTE "/32", {ANY_PORT, .action = SPD_BYPASS});
	assert_passed(fx, ESP(.frag_off = 5));
	assert_int_equal(take_events(fx), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_NATIVE(a_known_spi_goes_to_the_worker),
		TEST_GENERIC(generic_mode_takes_esp_too),
		TEST_NATIVE(the_slot_stands_right_before_the_frame),
		TEST_NATIVE(each_queue_has_its_socket),
		TEST_NATIVE(without_a_worker_it_is_dropped),
		TEST_NATIVE(spi_and_destination_are_the_key),
		TEST_NATIVE(an_sa_bound_to_a_nic_is_taken_there_only),
		TEST_NATIVE(another_generation_is_no_sa),
		TEST_NATIVE(too_short_for_esp_is_malformed),
		TEST_NATIVE(spi_0_is_never_on_the_wire),
		TEST_NATIVE(unknown_spi_auto_asks_whose_it_is),
		cmocka_unit_test_setup_teardown(unknown_spi_drop_asks_nobody, drop_setting, fixture_free),
		cmocka_unit_test_setup_teardown(unknown_spi_pass_leaves_it_to_the_kernel, pass_setting, fixture_free),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
