/* SPDX-License-Identifier: BSD-2-Clause */
/* bpf/hits.h: each packet is counted once, by the rule that decides on it. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "datapath.skel.h"

/* What FRAME makes: 20 bytes of IPv4, and 40 behind them. */
#define BYTES	60
#define COUNTER 5

static struct policy_hits hits_of(struct fixture *fx, uint32_t counter)
{
	const int cpus = libbpf_num_possible_cpus();
	struct policy_hits *each = calloc((size_t)cpus, sizeof(*each)), sum = {0};

	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(fx->skel->maps.spd_hits), &counter, each), 0);
	for (int i = 0; i < cpus; i++) {
		sum.out.packets += each[i].out.packets;
		sum.out.bytes += each[i].out.bytes;
		sum.in.packets += each[i].in.packets;
		sum.in.bytes += each[i].in.bytes;
	}
	free(each);
	return sum;
}

static void assert_hits(struct fixture *fx, uint32_t counter, uint64_t out, uint64_t in)
{
	const struct policy_hits hits = hits_of(fx, counter);

	assert_int_equal(hits.out.packets, out);
	assert_int_equal(hits.out.bytes, BYTES * out);
	assert_int_equal(hits.in.packets, in);
	assert_int_equal(hits.in.bytes, BYTES * in);
}

static void leaves(struct fixture *fx, struct frame f)
{
	run_egress(fx, &f);
}

static void arrives(struct fixture *fx, struct frame f)
{
	run_xdp(fx, &f);
}

static void of_the_rule_that_decides(void **state)
{
	struct fixture *fx = *state;

	PUT_RULES(fx, REMOTE "/32", {.proto = IPPROTO_UDP, ANY_PORT, .action = SPD_BYPASS, .counter = 1},
		  {.proto = IPPROTO_TCP, ANY_PORT, .action = SPD_DISCARD, .counter = 2},
		  {.proto = IPPROTO_TCP, ANY_PORT, .action = SPD_PROTECT, .counter = 3},
		  {ANY_PORT, .action = SPD_PROTECT, .counter = 4});
	for (int i = 0; i < 3; i++)
		leaves(fx, FRAME_OUT(.proto = IPPROTO_UDP));
	arrives(fx, FRAME(.proto = IPPROTO_UDP));
	leaves(fx, FRAME_OUT(.proto = IPPROTO_TCP));
	arrives(fx, FRAME(.proto = IPPROTO_TCP));
	arrives(fx, FRAME(.proto = IPPROTO_TCP, .options = 0));
	arrives(fx, FRAME(.proto = IPPROTO_ICMP));
	arrives(fx, FRAME(.src = STRANGER));
	assert_hits(fx, 1, 3, 1);
	assert_hits(fx, 2, 1, 2);
	assert_hits(fx, 3, 0, 0);
	assert_hits(fx, 4, 0, 1);
}

/* Without its Ethernet padding, and its tags. */
static void bytes_are_the_ip_packets(void **state)
{
	struct frame f = FRAME(.payload = 8, .tags = 1), g = FRAME_OUT(.payload = 8, .options = 4);
	struct fixture *fx = *state;

	PUT_RULES(fx, REMOTE "/32", {ANY_PORT, .action = SPD_PROTECT, .counter = COUNTER});
	frame_pad(&f);
	arrives(fx, f);
	leaves(fx, g);
	assert_int_equal(hits_of(fx, COUNTER).in.bytes, 28);
	assert_int_equal(hits_of(fx, COUNTER).out.bytes, 32);
}

static void in_generic_mode_once(void **state)
{
	struct frame f = FRAME(.proto = IPPROTO_UDP);
	struct fixture *fx = *state;

	PUT_RULES(fx, REMOTE "/32", {ANY_PORT, .action = SPD_BYPASS, .counter = COUNTER});
	run_xdp(fx, &f);
	run_nic_ingress(fx, &f, 0);
	assert_hits(fx, COUNTER, 0, 1);
	run_nic_ingress(fx, &f, MARK_ON_ITS_WAY);
	assert_hits(fx, COUNTER, 0, 1);
}

/* As ESP it is not looked up; out of the SA it is. */
static void what_is_opened_and_what_is_at_odds(void **state)
{
	struct frame esp = FRAME(.proto = IPPROTO_ESP, .spi = 0x1234, .seq = 1), f = FRAME(.proto = IPPROTO_UDP);
	struct fixture *fx = *state;

	PUT_RULES(fx, REMOTE "/32", {ANY_PORT, .action = SPD_PROTECT, .counter = COUNTER});
	put_inbound(fx, 5, 0x1234);
	assert_int_equal(run_xdp(fx, &esp).verdict, XDP_REDIRECT);
	assert_hits(fx, COUNTER, 0, 0);
	assert_int_equal(run_tap_ingress(fx, &f).verdict, TC_ACT_REDIRECT);
	assert_hits(fx, COUNTER, 0, 1);
	PUT_RULES(fx, REMOTE "/32", {ANY_PORT, .action = SPD_DISCARD, .counter = COUNTER + 1});
	assert_int_equal(run_tap_ingress(fx, &f).verdict, TC_ACT_SHOT);
	assert_hits(fx, COUNTER + 1, 0, 1);
}

/* A rule does not decide on IKE, unless it lets it by. */
static void ike_and_covers_are_no_rules_doing(void **state)
{
	struct fixture *fx = *state;
	const struct spd_rule connection = {.local = {192, 0, 2, 1},
					    ANY_PORT,
					    .action = SPD_PROTECT,
					    .owner = OWNER_IKE,
					    .origin = 32,
					    .counter = 1};

	PUT_RULES(fx, REMOTE "/32", connection);
	arrives(fx, FRAME(.sport = 500, .dport = 500));
	arrives(fx, FRAME(.dst = "192.0.2.9"));
	assert_hits(fx, 1, 0, 0);
	PUT_RULES(fx, REMOTE "/32", {.proto = IPPROTO_UDP, ANY_PORT, .action = SPD_BYPASS, .counter = 2}, connection);
	arrives(fx, FRAME(.sport = 500, .dport = 500));
	assert_hits(fx, 2, 0, 1);
}

static void what_has_no_counter(void **state)
{
	struct fixture *fx = *state;

	protect_all(fx);
	arrives(fx, FRAME(.proto = IPPROTO_UDP));
	leaves(fx, FRAME_OUT(.proto = IPPROTO_UDP));
	PUT_RULES(fx, REMOTE "/32", {ANY_PORT, .action = SPD_PROTECT, .counter = spd_counters(SLOTS_DEFAULT)});
	arrives(fx, FRAME(.proto = IPPROTO_UDP));
	for (uint32_t counter = 0; counter < spd_counters(SLOTS_DEFAULT); counter += spd_counters(SLOTS_DEFAULT) - 1)
		assert_hits(fx, counter, 0, 0);
}

/* Of a datagram in fragments the first, whose lot the others share. */
static void later_fragments_are_their_firsts(void **state)
{
	struct fixture *fx = *state;

	PUT_RULES(fx, REMOTE "/32", {.proto = IPPROTO_UDP, ANY_PORT, .action = SPD_PROTECT, .counter = COUNTER});
	leaves(fx, FRAME_OUT(.frag_off = MORE_FRAGMENTS, .id = 7));
	leaves(fx, FRAME_OUT(.frag_off = 5, .id = 7));
	assert_hits(fx, COUNTER, 1, 0);
	leaves(fx, FRAME_OUT(.frag_off = 5, .id = 8));
	assert_hits(fx, COUNTER, 2, 0);
}

/* ---- super-packets ---- */

static void run_super(struct bpf_program *prog, const struct frame *f, uint32_t size, uint32_t segs)
{
	struct __sk_buff ctx = {.gso_size = size, .gso_segs = segs};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = f->data, .data_size_in = f->len, .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx), .repeat = 1);

	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(prog), &opts), 0);
}

static struct frame tcp(size_t options, size_t data)
{
	struct frame f = FRAME(.proto = IPPROTO_TCP, .payload = 20 + options + data);

	f.data[f.l4 + 12] = (uint8_t)((20 + options) / 4 << 4);
	return f;
}

static uint64_t opened_in(struct fixture *fx, struct frame f, uint32_t size)
{
	const uint64_t before = hits_of(fx, COUNTER).in.packets;

	run_super(fx->skel->progs.tap_ingress, &f, size, 0);
	return hits_of(fx, COUNTER).in.packets - before;
}

/* As many as the kernel says; where it does not, as what comes from the TAP, as many as there are. */
static void super_packets_count_their_segments(void **state)
{
	struct frame out = FRAME_OUT(.proto = IPPROTO_UDP, .payload = 1208);
	struct fixture *fx = *state;

	PUT_RULES(fx, REMOTE "/32", {ANY_PORT, .action = SPD_PROTECT, .counter = COUNTER});
	run_super(fx->skel->progs.tc_egress, &out, 100, 12);
	assert_int_equal(hits_of(fx, COUNTER).out.packets, 12);
	assert_int_equal(hits_of(fx, COUNTER).out.bytes, 1228);
	run_super(fx->skel->progs.tc_egress, &out, 100, 0);
	assert_int_equal(hits_of(fx, COUNTER).out.packets, 24);
	assert_int_equal(opened_in(fx, FRAME(.proto = IPPROTO_UDP, .payload = 1209), 100), 13);
	for (size_t options = 0; options <= 40; options += 20) {
		assert_int_equal(opened_in(fx, tcp(options, 1000), 100), 10);
		assert_int_equal(opened_in(fx, tcp(options, 1001), 100), 11);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_NATIVE(of_the_rule_that_decides),
		TEST_NATIVE(bytes_are_the_ip_packets),
		TEST_GENERIC(in_generic_mode_once),
		TEST_NATIVE(what_is_opened_and_what_is_at_odds),
		TEST_NATIVE(ike_and_covers_are_no_rules_doing),
		TEST_NATIVE(what_has_no_counter),
		TEST_NATIVE(later_fragments_are_their_firsts),
		TEST_NATIVE(super_packets_count_their_segments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
