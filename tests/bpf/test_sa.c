/* SPDX-License-Identifier: BSD-2-Clause */
/* bpf/sa.h: old sequence numbers, limits, sequence numbers used up; each told once. */
#include "fixture.h"

#define SPI   0x1000
#define SLOT  5
#define BIT32 (1ULL << 32)

static uint32_t receive(struct fixture *fx, uint32_t seq)
{
	struct frame f = FRAME(.proto = IPPROTO_ESP, .spi = SPI, .seq = seq);

	return run_xdp(fx, &f).verdict;
}

static void assert_taken(struct fixture *fx, uint32_t seq)
{
	assert_int_equal(receive(fx, seq), XDP_REDIRECT);
	assert_nothing_counted(fx);
}

static void assert_replay(struct fixture *fx, uint32_t seq)
{
	uint64_t before = counts_get(&fx->sa[SLOT].drops, REASON_REPLAY);

	assert_int_equal(receive(fx, seq), XDP_DROP);
	assert_counted_only(fx, REASON_REPLAY);
	assert_int_equal(counts_get(&fx->sa[SLOT].drops, REASON_REPLAY), before + 1);
}

static void without_esn_what_is_behind_the_window_is_old(void **state)
{
	struct fixture *fx = *state;
	struct sa_state *sa = put_inbound(fx, SLOT, SPI);

	sa->flags = 0;
	assert_replay(fx, 0);
	assert_taken(fx, 1);
	assert_taken(fx, 0xffffffff);
	sa->seen = 63;
	assert_replay(fx, 0);
	assert_taken(fx, 1);
	sa->seen = 1000;
	assert_replay(fx, 0);
	assert_replay(fx, 1);
	assert_replay(fx, 936);
	assert_taken(fx, 937);
	assert_taken(fx, 1000);
	assert_taken(fx, 1001);
	sa->replay_window = 1024;
	assert_replay(fx, 0);
	assert_taken(fx, 1);
	sa->seen = 0xffffffff;
	assert_replay(fx, 1);
	assert_replay(fx, 0xffffffff - 1024);
	assert_taken(fx, 0xffffffff - 1023);
}

static void esn_starts_at_one(void **state)
{
	struct fixture *fx = *state;

	put_inbound(fx, SLOT, SPI);
	assert_replay(fx, 0);
	assert_taken(fx, 1);
	assert_taken(fx, 0x7fffffff);
	/* A leap of 2^31, and numbers that would be below 0. */
	assert_replay(fx, 0x80000000);
	assert_replay(fx, 0xffffffff);
}

/* RFC 4303 appendix A2.2 case A: the window lies within one half of the 64 bits. */
static void esn_window_in_one_subspace(void **state)
{
	struct fixture *fx = *state;
	struct sa_state *sa = put_inbound(fx, SLOT, SPI);

	for (uint64_t high = 0; high <= 3 * BIT32; high += 3 * BIT32) {
		sa->seen = high + 1000;
		assert_taken(fx, 1000);
		assert_taken(fx, 937);
		assert_replay(fx, 936);
		assert_replay(fx, 0);
		assert_taken(fx, 1001);
		assert_taken(fx, 1000u + 0x7fffffff);
		assert_replay(fx, 1000u + 0x80000000);
	}
}

/* Case A near the end of its subspace: small numbers are of the next. */
static void esn_runs_into_the_next_subspace(void **state)
{
	struct fixture *fx = *state;
	struct sa_state *sa = put_inbound(fx, SLOT, SPI);

	sa->seen = BIT32 - 1;
	assert_taken(fx, 0);
	assert_taken(fx, 1);
	assert_taken(fx, 0x7ffffffe);
	assert_replay(fx, 0x7fffffff);
	assert_taken(fx, 0xffffffff - 63);
	assert_replay(fx, 0xffffffff - 64);
}

/* Case B: the window reaches back over the edge of the subspace. */
static void esn_window_over_two_subspaces(void **state)
{
	struct fixture *fx = *state;
	struct sa_state *sa = put_inbound(fx, SLOT, SPI);

	sa->seen = BIT32 + 10;
	assert_taken(fx, 10);
	assert_taken(fx, 0);
	assert_taken(fx, 0xffffffff);
	assert_taken(fx, 0xffffffff - 52);
	assert_replay(fx, 0xffffffff - 53);
	assert_taken(fx, 11);
	/* In the first subspace there is nothing to reach back to. */
	sa->seen = 10;
	assert_replay(fx, 0);
	assert_taken(fx, 1);
	assert_replay(fx, 0xffffffff);
}

static void esn_widest_window(void **state)
{
	struct fixture *fx = *state;
	struct sa_state *sa = put_inbound(fx, SLOT, SPI);

	sa->replay_window = REPLAY_WINDOW_MAX;
	sa->seen = 5 * BIT32;
	assert_taken(fx, 0);
	assert_taken(fx, -8191);
	assert_replay(fx, -8192);
	sa->seen = 5 * BIT32 + 8191;
	assert_taken(fx, 0);
	assert_replay(fx, -1);
}

/* RFC 4303 appendix A3: 2^31 packets were lost in a row, and what comes now is to be tried now and then. */
static void esn_leap_is_tried_now_and_then(void **state)
{
	struct fixture *fx = *state;
	struct sa_state *sa = put_inbound(fx, SLOT, SPI);

	sa->seen = 7 * BIT32 + 1000;
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 255; i++)
			assert_replay(fx, 1000u + 0x80000000 + i);
		assert_taken(fx, 1000u + 0x80000000 + 255);
	}
	/* What cannot be is never tried. */
	sa->seen = 10;
	for (int i = 0; i < 300; i++)
		assert_replay(fx, 0xffffffff - i % 40);
}

/* Each packet that is opened begins the row anew: of an SA that is alive no old packet gets to the worker. */
static void esn_leaps_count_in_a_row_only(void **state)
{
	struct fixture *fx = *state;
	struct sa_state *sa = put_inbound(fx, SLOT, SPI);

	sa->seen = BIT32 + 1000;
	for (int i = 0; i < 1000; i++) {
		if (i % 255 == 0)
			sa->packets++;
		assert_replay(fx, 900);
	}
	assert_replay(fx, 900);
	sa->packets += BIT32 - 1;
	for (int i = 0; i < 255; i++)
		assert_replay(fx, 900);
	assert_taken(fx, 900);
}

static void assert_told_once(struct fixture *fx, uint32_t type, const struct sa_state *sa, uint32_t slot)
{
	assert_int_equal(take_events(fx), 1);
	assert_int_equal(fx->events[0].type, type);
	assert_int_equal(fx->events[0].ifindex, NIC);
	assert_int_equal(fx->events[0].spi, sa->spi);
	assert_int_equal(fx->events[0].slot, slot);
	assert_int_equal(fx->events[0].generation, sa->generation);
	assert_memory_equal(fx->events[0].src, sa->src, 4);
	assert_memory_equal(fx->events[0].dst, sa->dst, 4);
	assert_in_range(boot_ns() - fx->events[0].time_ns, 0, 10000000000ULL);
}

/* Of time BPF knows by itself, of packets and bytes what the worker has told. */
enum limit { LIMIT_TOLD, LIMIT_TIME, LIMITS };

static uint64_t in_an_hour(void)
{
	return boot_ns() + 3600000000000ULL;
}

static void pass_soft(struct sa_state *sa, enum limit limit)
{
	if (limit == LIMIT_TOLD)
		sa->worn |= SA_WORN_SOFT;
	else
		sa->soft_time_ns = boot_ns();
}

static void pass_hard(struct sa_state *sa, enum limit limit)
{
	if (limit == LIMIT_TOLD)
		sa->worn |= SA_WORN_HARD;
	else
		sa->hard_time_ns = boot_ns();
}

/* Both directions share what is done about limits: a packet each way. */
static uint32_t receive_one(struct fixture *fx)
{
	return receive(fx, 1) == XDP_REDIRECT;
}

static uint32_t send_one(struct fixture *fx)
{
	struct frame f = FRAME_OUT(.dport = 7);

	return run_egress(fx, &f).verdict == TC_ACT_REDIRECT;
}

static void check_limit(struct fixture *fx, struct sa_state *sa, enum limit limit, uint32_t (*one)(struct fixture *))
{
	uint32_t slot = sa - fx->sa;

	sa->soft_time_ns = sa->hard_time_ns = in_an_hour();
	/* The worker's line says nothing to BPF. */
	sa->packets = sa->bytes = sa->seq = UINT64_MAX;
	sa->soft_packets = sa->soft_bytes = sa->hard_packets = sa->hard_bytes = 1;
	assert_true(one(fx));
	assert_int_equal(take_events(fx), 0);

	pass_soft(sa, limit);
	for (int i = 0; i < 3; i++)
		assert_true(one(fx));
	assert_told_once(fx, EVENT_SOFT_LIMIT, sa, slot);
	assert_nothing_counted(fx);

	pass_hard(sa, limit);
	for (int i = 0; i < 3; i++) {
		assert_false(one(fx));
		assert_counted_only(fx, REASON_LIFETIME_EXPIRED);
	}
	assert_told_once(fx, EVENT_HARD_LIMIT, sa, slot);
	assert_int_equal(counts_get(&sa->drops, REASON_LIFETIME_EXPIRED), 3);
	assert_int_equal(sa->raised, SA_RAISED_SOFT | SA_RAISED_HARD);
}

static void inbound_limits(void **state)
{
	struct fixture *fx = *state;

	for (enum limit i = 0; i < LIMITS; i++)
		check_limit(fx, put_inbound(fx, SLOT, SPI), i, receive_one);
}

static void outbound_limits(void **state)
{
	struct fixture *fx = *state;

	protect_all(fx);
	for (enum limit i = 0; i < LIMITS; i++)
		check_limit(fx, put_outbound(fx, 6, 0, 0), i, send_one);
}

static void sequence_numbers_end(void **state)
{
	struct fixture *fx = *state;
	struct sa_state *sa = put_outbound(fx, 6, 0, 0);

	protect_all(fx);
	assert_true(send_one(fx));
	assert_int_equal(take_events(fx), 0);
	sa->worn = SA_WORN_SEQUENCE;
	for (int i = 0; i < 3; i++) {
		assert_false(send_one(fx));
		assert_counted_only(fx, REASON_SEQ_OVERFLOW);
	}
	assert_told_once(fx, EVENT_SEQ_OVERFLOW, sa, 6);
	assert_int_equal(counts_get(&sa->drops, REASON_SEQ_OVERFLOW), 3);
	assert_int_equal(sa->raised, SA_RAISED_OVERFLOW);
}

/* An event that found the ring full is told when there is room again. */
static void a_full_ring_only_delays(void **state)
{
	struct fixture *fx = *state;
	struct sa_state *sa = put_inbound(fx, SLOT, SPI);
	const int more_than_fit = (1 << 18) / 48;

	sa->worn = SA_WORN_SOFT;
	for (int i = 0; i < more_than_fit; i++) {
		sa->raised = 0;
		assert_true(receive_one(fx));
	}
	assert_int_equal(sa->raised, 0);
	assert_in_range(take_events(fx), 1000, more_than_fit);
	assert_true(receive_one(fx));
	assert_told_once(fx, EVENT_SOFT_LIMIT, sa, SLOT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_NATIVE(without_esn_what_is_behind_the_window_is_old),
		TEST_NATIVE(esn_starts_at_one),
		TEST_NATIVE(esn_window_in_one_subspace),
		TEST_NATIVE(esn_runs_into_the_next_subspace),
		TEST_NATIVE(esn_window_over_two_subspaces),
		TEST_NATIVE(esn_widest_window),
		TEST_NATIVE(esn_leap_is_tried_now_and_then),
		TEST_NATIVE(esn_leaps_count_in_a_row_only),
		TEST_NATIVE(inbound_limits),
		TEST_NATIVE(outbound_limits),
		TEST_NATIVE(sequence_numbers_end),
		TEST_NATIVE(a_full_ring_only_delays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
