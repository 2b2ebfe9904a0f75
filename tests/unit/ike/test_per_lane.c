/* SPDX-License-Identifier: BSD-2-Clause */
/* engine/per_lane.h, RFC 9611: a child for each lane beside the one for all of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/child_life.h"
#include "engine/per_lane.h"
#include "inside.h"
#include "tap.h"

static struct tap tap;

static void configure(struct world *w, int host, bool per_queue)
{
	struct connection_config *c = world_connection(w, host);

	c->start = host ? START_RESPOND : START_TRAP;
	c->per_queue = per_queue;
	world_configure(w, host, c);
}

/* The packet goes out by the SA that is for all. */
static void acquire_for(struct world *w, int host, unsigned lane)
{
	engine_acquire_for_lane(w->hosts[host].engine, w->hosts[host].addr, w->hosts[!host].addr, 1, 0, 0, lane);
	world_run(w, 10);
}

static void up(struct world *w, bool first, bool second)
{
	configure(w, 0, first);
	configure(w, 1, second);
	engine_acquire(w->hosts[0].engine, w->hosts[0].addr, w->hosts[1].addr, 1, 0, 0);
	world_run(w, 100);
	assert_int_equal(world_ike_count(w, 0), 1);
	assert_int_equal(world_child_count(w, 0), 1);
	assert_int_equal(world_child_count(w, 1), 1);
}

static struct world_sa *bound_for(struct world *w, int host, unsigned lane)
{
	for (unsigned i = 0; i < WORLD_SAS; i++) {
		struct world_sa *sa = &w->hosts[host].sas[i];

		if (sa->used && sa->bound && sa->lane == lane)
			return sa;
	}
	return NULL;
}

/* What that lane of the host sends leaves by an SA of its own, and the other host opens it. */
static bool lane_sends(struct world *w, int host, unsigned lane)
{
	struct world_sa *out = bound_for(w, host, lane), *in = world_partner(w, host, out);

	if (!in)
		return false;
	out->packets++;
	in->packets++;
	in->last_ms = out->last_ms = w->now_ms;
	return true;
}

static struct child *child_for(struct world *w, int host, unsigned lane)
{
	struct child *c;

	TAILQ_FOREACH(c, &inside_peer(w, host)->children, of_peer)
		if (c->state == CHILD_UP && c->lane == lane)
			return c;
	return NULL;
}

static unsigned times_logged(const struct world *w, int host, const char *text)
{
	const char *at = w->hosts[host].log;
	unsigned n = 0;

	for (; (at = strstr(at, text)); at++)
		n++;
	return n;
}

/* ---- making ---- */

static void each_lane_that_sends_gets_one(void **state)
{
	struct world *w = *state;

	up(w, true, true);
	assert_true(bound_for(w, 0, 0)->lanes);
	for (unsigned lane = 1; lane <= 2; lane++) {
		acquire_for(w, 0, lane);
		assert_true(lane_sends(w, 0, lane));
	}
	assert_int_equal(world_child_count(w, 0), 3);
	assert_int_equal(world_child_count(w, 1), 3);
	assert_true(lane_sends(w, 0, 0));
	/* Nothing more comes of it, however often it is told. */
	acquire_for(w, 0, 1);
	acquire_for(w, 0, 2);
	assert_int_equal(world_child_count(w, 0), 3);
}

/* Told again before the answer is there. */
static void one_is_asked_for_once(void **state)
{
	struct world *w = *state;

	up(w, true, true);
	tap_start(&tap, w);
	for (unsigned i = 0; i < 3; i++)
		engine_acquire_for_lane(w->hosts[0].engine, w->hosts[0].addr, w->hosts[1].addr, 1, 0, 0, 1);
	world_run(w, 100);
	assert_int_equal(tap_count(&tap, 0, EXCHANGE_CREATE_CHILD_SA, false, 0), 1);
	assert_int_equal(world_child_count(w, 0), 2);
}

/* What one end has asked for is spare at the other one, until a lane of that end sends: then no exchange is needed. */
static void the_other_end_takes_what_is_there(void **state)
{
	struct world *w = *state;

	up(w, true, true);
	acquire_for(w, 0, 2);
	assert_true(lane_sends(w, 0, 2));
	world_run(w, 100);
	assert_null(bound_for(w, 1, 1));
	assert_non_null(child_for(w, 1, LANE_SPARE));
	tap_start(&tap, w);
	acquire_for(w, 1, 1);
	assert_true(lane_sends(w, 1, 1));
	assert_int_equal(tap_count(&tap, 1, EXCHANGE_CREATE_CHILD_SA, false, 0), 0);
	assert_int_equal(world_child_count(w, 1), 2);
	/* None is left: this one is asked for. */
	acquire_for(w, 1, 2);
	assert_true(lane_sends(w, 1, 2));
	assert_int_equal(world_child_count(w, 0), 3);
}

/* Until the initiator has shown that it has the child, it could not open what comes by it. */
static void one_that_is_not_known_to_be_there_waits(void **state)
{
	struct world *w = *state;

	up(w, true, true);
	acquire_for(w, 0, 1);
	acquire_for(w, 1, 1);
	assert_null(bound_for(w, 1, 1));
	assert_true(lane_sends(w, 0, 1));
	world_run(w, 50);
	assert_true(lane_sends(w, 1, 1));
}

/* A peer that says nothing with its first, and something with the next: the others are used here, too. */
static void the_first_may_be_without_a_word(void **state)
{
	struct world *w = *state;

	up(w, false, true);
	assert_false(bound_for(w, 1, 0)->lanes);
	inside_peer(w, 0)->connection->config->per_queue = true;
	task_queue(inside_ike(w, 0), TASK_CHILD)->lane = 1;
	world_run(w, 100);
	assert_true(lane_sends(w, 0, 1));
	assert_int_equal(world_child_count(w, 1), 2);
	assert_true(bound_for(w, 1, 0)->lanes);
	world_run(w, 50);
	acquire_for(w, 1, 1);
	assert_true(lane_sends(w, 1, 1));
}

/* ---- the end, and the next one ---- */

static void a_rekey_keeps_the_lane(void **state)
{
	struct world *w = *state;
	uint32_t spi;

	up(w, true, true);
	acquire_for(w, 0, 1);
	acquire_for(w, 0, 2);
	spi = bound_for(w, 0, 2)->spec.spi;
	assert_true(child_rekey(child_for(w, 0, 1)));
	world_run(w, 1000);
	assert_int_equal(world_child_count(w, 0), 3);
	assert_int_equal(world_child_count(w, 1), 3);
	for (unsigned lane = 0; lane <= 2; lane++)
		assert_true(lane_sends(w, 0, lane));
	assert_int_equal(bound_for(w, 0, 2)->spec.spi, spi);
	/* By the other end, to which it is spare; and all of them at once. */
	assert_true(child_rekey(child_for(w, 1, LANE_SPARE)));
	world_run(w, 1000);
	world_rekey(w, 0, false);
	world_run(w, 1000);
	assert_string_equal(w->hosts[0].done_error, "");
	assert_int_equal(world_child_count(w, 0), 3);
	for (unsigned lane = 0; lane <= 2; lane++)
		assert_true(lane_sends(w, 0, lane));
}

static void one_that_is_deleted_leaves_the_others(void **state)
{
	struct world *w = *state;

	up(w, true, true);
	acquire_for(w, 0, 1);
	acquire_for(w, 0, 2);
	child_delete(child_for(w, 0, 1), 0);
	world_run(w, 500);
	assert_int_equal(world_child_count(w, 0), 2);
	assert_int_equal(world_child_count(w, 1), 2);
	assert_null(bound_for(w, 0, 1));
	assert_true(lane_sends(w, 0, 0));
	assert_true(lane_sends(w, 0, 2));
	/* And comes again with the next packet. */
	acquire_for(w, 0, 1);
	assert_true(lane_sends(w, 0, 1));
}

/* Nothing that has no SA of its own is without one. */
static void one_of_a_lane_takes_the_place_of_the_first(void **state)
{
	struct world *w = *state;

	up(w, true, true);
	acquire_for(w, 0, 1);
	assert_true(lane_sends(w, 0, 1));
	world_run(w, 100);
	child_delete(child_for(w, 1, 0), 0);
	world_run(w, 500);
	assert_int_equal(world_child_count(w, 0), 1);
	assert_true(lane_sends(w, 0, 0));
	assert_true(lane_sends(w, 1, 0));
	assert_null(bound_for(w, 0, 1));
	acquire_for(w, 0, 1);
	assert_true(lane_sends(w, 0, 1));
}

static void an_ike_rekey_takes_them_along(void **state)
{
	struct world *w = *state;

	up(w, true, true);
	acquire_for(w, 0, 1);
	world_rekey(w, 0, true);
	world_run(w, 1000);
	assert_int_equal(world_ike_count(w, 0), 1);
	assert_true(lane_sends(w, 0, 0));
	assert_true(lane_sends(w, 0, 1));
	acquire_for(w, 0, 2);
	assert_true(lane_sends(w, 0, 2));
}

static void terminate_ends_all(void **state)
{
	struct world *w = *state;

	up(w, true, true);
	acquire_for(w, 0, 1);
	acquire_for(w, 1, 2);
	world_terminate(w, 0);
	world_run(w, 5000);
	assert_true(world_is_down(w));
}

/* ---- refused ---- */

/* A peer that answers the first without the notify is not asked for others. */
static void a_peer_without_it_gets_one(void **state)
{
	struct world *w = *state;

	up(w, true, false);
	assert_false(bound_for(w, 0, 0)->lanes);
	tap_start(&tap, w);
	acquire_for(w, 0, 1);
	assert_int_equal(tap.count, 0);
	assert_int_equal(world_child_count(w, 0), 1);
	assert_true(world_talks(w));
	assert_int_equal(inside_peer(w, 0)->last_failures[FAILED].tries, 0);
}

/* And who is not told to want any asks for none. */
static void nobody_asks_without_being_told(void **state)
{
	struct world *w = *state;

	up(w, false, true);
	acquire_for(w, 0, 1);
	acquire_for(w, 1, 1);
	assert_int_equal(world_child_count(w, 0), 1);
	assert_int_equal(world_child_count(w, 1), 1);
}

/* Its configuration has changed since: TS_MAX_QUEUE. */
static void a_refusal_is_honoured_and_said_once(void **state)
{
	struct world *w = *state;

	up(w, true, true);
	inside_peer(w, 1)->connection->config->per_queue = false;
	tap_start(&tap, w);
	for (unsigned lane = 1; lane <= 3; lane++)
		acquire_for(w, 0, lane);
	assert_int_equal(tap_count(&tap, 0, EXCHANGE_CREATE_CHILD_SA, false, 0), 1);
	assert_int_equal(world_child_count(w, 0), 1);
	assert_true(world_talks(w));
	assert_int_equal(times_logged(w, 0, "TS_MAX_QUEUE"), 1);
	assert_int_equal(inside_peer(w, 0)->last_failures[FAILED].tries, 0);
	/* After a while it is asked again, and not told of again. */
	world_run(w, 601000);
	tap_start(&tap, w);
	acquire_for(w, 0, 1);
	assert_int_equal(tap_count(&tap, 0, EXCHANGE_CREATE_CHILD_SA, false, 0), 1);
	assert_int_equal(times_logged(w, 0, "TS_MAX_QUEUE"), 1);
}

static void the_number_has_an_end(void **state)
{
	struct world *w = *state;

	up(w, true, true);
	for (unsigned lane = 1; lane <= LANES_MAX; lane++) {
		acquire_for(w, 0, lane);
		assert_true(lane_sends(w, 0, lane));
	}
	assert_int_equal(world_child_count(w, 1), LANES_MAX + 1);
	/* A peer that asks for more is refused, and what it has is rekeyed as ever. */
	tap_start(&tap, w);
	task_queue(inside_ike(w, 0), TASK_CHILD)->lane = LANES_MAX;
	world_run(w, 500);
	assert_int_equal(tap_count(&tap, 1, EXCHANGE_CREATE_CHILD_SA, true, TS_MAX_QUEUE), 1);
	assert_int_equal(world_child_count(w, 1), LANES_MAX + 1);
	assert_true(child_rekey(child_for(w, 0, LANES_MAX)));
	world_run(w, 1000);
	assert_true(lane_sends(w, 0, LANES_MAX));
	assert_int_equal(world_child_count(w, 1), LANES_MAX + 1);
}

/* ---- both at once ---- */

static void both_ask_at_once(void **state)
{
	struct world *w = *state;

	up(w, true, true);
	for (int host = 0; host < 2; host++)
		engine_acquire_for_lane(w->hosts[host].engine, w->hosts[host].addr, w->hosts[!host].addr, 1, 0, 0, 1);
	world_run(w, 500);
	assert_int_equal(world_child_count(w, 0), 3);
	for (int host = 0; host < 2; host++) {
		assert_true(lane_sends(w, host, 0));
		assert_true(lane_sends(w, host, 1));
	}
	/* Neither is superfluous: both carry, and are rekeyed each for itself. */
	for (int host = 0; host < 2; host++)
		assert_true(child_rekey(child_for(w, host, 1)));
	world_run(w, 1000);
	assert_int_equal(world_child_count(w, 0), 3);
	for (int host = 0; host < 2; host++)
		assert_true(lane_sends(w, host, 1));
}

/* Both begin at once, and one of two IKE SAs goes: what is left is one, and lanes get theirs. */
static void both_begin_at_once(void **state)
{
	struct world *w = *state;

	configure(w, 0, true);
	configure(w, 1, true);
	world_initiate(w, 0);
	world_initiate(w, 1);
	world_run(w, 500);
	for (int host = 0; host < 2; host++)
		acquire_for(w, host, 1);
	world_run(w, 20000);
	assert_int_equal(world_ike_count(w, 0), 1);
	for (int host = 0; host < 2; host++) {
		acquire_for(w, host, 1);
		world_run(w, 9000);
		assert_true(lane_sends(w, host, 0));
		assert_true(lane_sends(w, host, 1));
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_lane_that_sends_gets_one),
		TEST(one_is_asked_for_once),
		TEST(the_other_end_takes_what_is_there),
		TEST(one_that_is_not_known_to_be_there_waits),
		TEST(the_first_may_be_without_a_word),
		TEST(a_rekey_keeps_the_lane),
		TEST(one_that_is_deleted_leaves_the_others),
		TEST(one_of_a_lane_takes_the_place_of_the_first),
		TEST(an_ike_rekey_takes_them_along),
		TEST(terminate_ends_all),
		TEST(a_peer_without_it_gets_one),
		TEST(nobody_asks_without_being_told),
		TEST(a_refusal_is_honoured_and_said_once),
		TEST(the_number_has_an_end),
		TEST(both_ask_at_once),
		TEST(both_begin_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
