/* SPDX-License-Identifier: BSD-2-Clause */
/* bpf/egress.h: which SA a CPU's lane sends by (RFC 9611). */
#define _GNU_SOURCE
#include <sched.h>
#include <string.h>

#include "fixture.h"

#define ALL   SEL(ANY_PORT)
#define LANES 2

/* What is run from now on is run there. */
static void go_to_cpu(unsigned cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	if (sched_setaffinity(0, sizeof(one), &one) < 0)
		skip();
}

static uint16_t slot_of(struct fixture *fx)
{
	struct frame f = FRAME_OUT(.proto = IPPROTO_TCP, .dport = 179, .payload = 500);
	struct outcome out = run_egress(fx, &f);
	struct tx_tag tag;

	assert_int_equal(out.verdict, TC_ACT_REDIRECT);
	memcpy(&tag, out.data + 6, sizeof(tag));
	return (uint16_t)tx_tag_slot(&tag);
}

/* The first SA is for all lanes, and the peer takes one for each of them. */
static struct fixture *with_lanes(void **state, unsigned lanes)
{
	struct fixture *fx = *state;

	protect_all(fx);
	put_lanes(fx, lanes);
	put_queues(fx, lanes, 0);
	put_outbound_for(fx, 10, ALL)->flags |= SA_LANES;
	return fx;
}

static void a_lane_goes_by_its_own(void **state)
{
	struct fixture *fx = with_lanes(state, LANES);

	put_outbound_of_lane(fx, 11, ALL, 1);
	put_outbound_of_lane(fx, 12, ALL, 2);
	for (unsigned cpu = 0; cpu < LANES; cpu++) {
		go_to_cpu(cpu);
		assert_int_equal(slot_of(fx), 11 + cpu);
	}
	assert_int_equal(take_events(fx), 0);
}

/* Told once in a while, and not with every packet; nothing is dropped meanwhile. */
static void a_lane_without_one_asks_and_goes_by_the_first(void **state)
{
	struct fixture *fx = with_lanes(state, LANES);

	put_outbound_of_lane(fx, 11, ALL, 1);
	go_to_cpu(1);
	for (int i = 0; i < 20; i++)
		assert_int_equal(slot_of(fx), 10);
	assert_int_equal(take_events(fx), 1);
	assert_int_equal(fx->events[0].type, EVENT_ACQUIRE);
	assert_int_equal(fx->events[0].lane, 2);
	assert_int_equal(fx->events[0].dport, 179);
	assert_nothing_counted(fx);
	age_gates(fx);
	slot_of(fx);
	assert_int_equal(take_events(fx), 0);
	for (int i = 0; i < 5; i++)
		age_gates(fx);
	slot_of(fx);
	assert_int_equal(take_events(fx), 1);
}

static void each_lane_asks_for_itself(void **state)
{
	struct fixture *fx = with_lanes(state, LANES);
	struct frame f = FRAME_OUT(.proto = IPPROTO_TCP, .dport = 179);

	for (unsigned cpu = 0; cpu < LANES; cpu++) {
		go_to_cpu(cpu);
		assert_int_equal(slot_of(fx), 10);
	}
	assert_int_equal(take_events(fx), LANES);
	assert_int_equal(fx->events[0].lane, 1);
	assert_int_equal(fx->events[1].lane, 2);
	/* And as ever when there is none at all. */
	remove_outbound_for(fx, ALL);
	assert_int_equal(run_egress(fx, &f).verdict, TC_ACT_SHOT);
	assert_int_equal(take_events(fx), 1);
	assert_int_equal(fx->events[0].lane, 0);
}

static void one_that_is_gone_is_not_waited_for(void **state)
{
	struct fixture *fx = with_lanes(state, LANES);

	put_outbound_of_lane(fx, 11, ALL, 1);
	go_to_cpu(0);
	assert_int_equal(slot_of(fx), 11);
	remove_outbound_of_lane(fx, ALL, 1);
	assert_int_equal(slot_of(fx), 10);
	/* Nor one whose slot is another's by now. */
	put_outbound_of_lane(fx, 11, ALL, 1)->generation += 2;
	assert_int_equal(slot_of(fx), 10);
}

/* A peer that takes no others, and one lane alone: nothing is looked for, and nothing asked. */
static void others_have_none(void **state)
{
	struct fixture *fx = with_lanes(state, LANES);

	put_outbound_of_lane(fx, 11, ALL, 1);
	go_to_cpu(0);
	fx->sa[10].flags &= (uint8_t)~SA_LANES;
	assert_int_equal(slot_of(fx), 10);
	fx->sa[10].flags |= SA_LANES;
	put_lanes(fx, 1);
	assert_int_equal(slot_of(fx), 10);
	assert_int_equal(take_events(fx), 0);
}

/* What the peer has left of the rule has lanes of its own. */
static void lanes_are_of_what_is_left_of_a_rule(void **state)
{
	const struct selector tcp = SEL(ANY_PORT, .proto = IPPROTO_TCP);
	struct fixture *fx = *state;

	protect_all(fx);
	put_lanes(fx, LANES);
	put_queues(fx, LANES, LANES);
	put_outbound_for(fx, 10, tcp)->flags |= SA_LANES;
	put_outbound_of_lane(fx, 11, tcp, 1);
	put_outbound_of_lane(fx, 12, ALL, 1);
	go_to_cpu(0);
	assert_int_equal(slot_of(fx), 11);
}

/* Of many lanes, those that have a queue of the NIC to send by: an SA of another would be sealed by one of these. */
static void lanes_are_those_that_send(void **state)
{
	const unsigned many = 8;
	struct fixture *fx = with_lanes(state, many);
	uint32_t wanted[LANES];

	put_queues(fx, many, LANES);
	for (unsigned cpu = 0; cpu < LANES; cpu++) {
		go_to_cpu(cpu);
		assert_int_equal(slot_of(fx), 10);
	}
	assert_int_equal(take_events(fx), LANES);
	for (unsigned i = 0; i < LANES; i++) {
		wanted[i] = fx->events[i].lane - 1;
		assert_in_range(queue_of_lane(PORT, wanted[i], many), 0, LANES - 1);
	}
	assert_int_not_equal(wanted[0], wanted[1]);
	/* What the lane then has is what it goes by. */
	put_outbound_of_lane(fx, 11, ALL, 1 + wanted[1]);
	assert_int_equal(slot_of(fx), 11);
	go_to_cpu(0);
	assert_int_equal(slot_of(fx), 10);
}

/* However many receive, and whatever lanes there are. */
static void one_that_sends_has_none(void **state)
{
	struct fixture *fx = with_lanes(state, LANES);

	put_outbound_of_lane(fx, 11, ALL, 1);
	put_outbound_of_lane(fx, 12, ALL, 2);
	for (unsigned cpu = 0; cpu < LANES; cpu++) {
		go_to_cpu(cpu);
		put_queues(fx, LANES, 1);
		assert_int_equal(slot_of(fx), 10);
		put_queues(fx, 1, 0);
		assert_int_equal(slot_of(fx), 10);
	}
	assert_int_equal(take_events(fx), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_NATIVE(a_lane_goes_by_its_own),	TEST_NATIVE(a_lane_without_one_asks_and_goes_by_the_first),
		TEST_NATIVE(each_lane_asks_for_itself), TEST_NATIVE(one_that_is_gone_is_not_waited_for),
		TEST_NATIVE(others_have_none),		TEST_NATIVE(lanes_are_of_what_is_left_of_a_rule),
		TEST_NATIVE(lanes_are_those_that_send), TEST_NATIVE(one_that_sends_has_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
