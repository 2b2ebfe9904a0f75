/* SPDX-License-Identifier: BSD-2-Clause */
/* Two children for the same: one goes when either is due, and never both, nor one that the other is to replace. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "collide.h"
#include "engine/open.h"

/* Each has asked for one, and each has to rekey one of the two, perhaps not the same, at the same time. */
static void two_of_the_same_are_due_at_once(void **state)
{
	struct world *w = *state;

	for (uint64_t seed = 1; seed <= 16; seed++) {
		world_again(w, seed);
		world_configure_both(w, START_TRAP);
		world_initiate(w, 0);
		world_run(w, 200);
		close_child(w, 0);
		w->latency_ms = 20;
		make_child(w, 0);
		make_child(w, 1);
		world_run(w, 500);
		assert_int_equal(world_child_count(w, 0), 2);
		for (int host = 0; host < 2; host++) {
			struct child *c = TAILQ_FIRST(&inside_peer(w, host)->children);

			if (seed >> host & 1)
				c = TAILQ_NEXT(c, of_peer);
			engine_limit(w->hosts[host].engine, c->out.sa, false);
		}
		assert_true(world_run_under_traffic(w, 5000));
		/* Two are left if neither was due that goes. */
		assert_in_range(world_child_count(w, 0), 1, 2);
		assert_int_equal(world_child_count(w, 0), world_child_count(w, 1));
	}
}

/* Several IKE SAs at once may bring more than two; the lowest goes before it is due, and the same one at both ends. */
static void of_three_of_the_same_two_are_left(void **state)
{
	struct world *w = *state;

	for (uint64_t seed = 1; seed <= 8; seed++) {
		world_again(w, seed);
		up(w);
		w->latency_ms = 20;
		make_child(w, 0);
		make_child(w, 1);
		world_run(w, 500);
		assert_int_equal(world_child_count(w, 0), 3);
		assert_true(world_run_under_traffic(w, 20000));
		assert_int_equal(world_child_count(w, 0), 2);
		assert_int_equal(world_child_count(w, 1), 2);
	}
}

/* By order: one of them goes instead, and the other one is rekeyed. */
static void two_of_the_same_are_one_after_a_rekey(void **state)
{
	struct world *w = *state;

	up(w);
	make_child(w, 1);
	world_run(w, 500);
	assert_int_equal(world_child_count(w, 0), 2);
	world_rekey(w, 0, false);
	assert_true(world_run_under_traffic(w, 5000));
	assert_int_equal(w->hosts[0].done_count, 1);
	assert_string_equal(w->hosts[0].done_error, "");
	assert_true(world_is_up(w));
}

/* Both rekey one, and of its two heirs the first is due before the other one is there: it does not yield to what it is
 * to replace. */
static void heir_is_due_before_its_rival_is_there(void **state)
{
	struct world *w = *state;

	for (uint64_t seed = 1; seed <= 16; seed++) {
		struct child *old;

		world_again(w, seed);
		up(w);
		w->latency_ms = 20;
		world_rekey(w, 0, false);
		world_rekey(w, 1, false);
		world_run(w, 30);
		old = inside_child(w, 1);
		assert_non_null(old->rival);
		engine_limit(w->hosts[1].engine, old->rival->out.sa, false);
		assert_true(world_run_under_traffic(w, 5000));
		assert_true(world_is_up(w));
	}
}

/*
 * Of two, one is rekeyed, and its heir is due before the old one's DELETE is out: the heir does not yield to the other
 * of the two then, or that, due at the other end, would yield to the old one.
 */
static void heir_is_due_before_the_old_one_is_gone(void **state)
{
	struct world *w = *state;

	for (uint64_t seed = 1; seed <= 32; seed++) {
		struct child *c;

		world_again(w, seed);
		up(w);
		make_child(w, 1);
		world_run(w, 500);
		w->latency_ms = 20;
		c = inside_child(w, 0);
		assert_non_null(child_queue(c, TASK_REKEY_CHILD));
		world_run(w, 50);
		assert_non_null(c->successor);
		engine_limit(w->hosts[0].engine, c->successor->out.sa, false);
		world_run(w, 30);
		c = TAILQ_NEXT(TAILQ_FIRST(&inside_peer(w, 1)->children), of_peer);
		engine_limit(w->hosts[1].engine, c->out.sa, false);
		assert_true(world_run_under_traffic(w, 5000));
		assert_in_range(world_child_count(w, 0), 1, 2);
		assert_int_equal(world_child_count(w, 0), world_child_count(w, 1));
	}
}

/* Two are on two IKE SAs, and the older one is gone for the peer, in silence: the younger one does not yield to it. */
static void there_is_another_one_that_the_peer_has_lost(void **state)
{
	struct world *w = *state;

	for (uint64_t seed = 1; seed <= 8; seed++) {
		const struct child *c;

		world_again(w, seed);
		up(w);
		/* So that neither is redundant, and the first has just been asked whether it is there. */
		world_run(w, 2 * HALF_OPEN_MS + 4000);
		assert_non_null(peer_open(inside_peer(w, 0), 0));
		world_run(w, 100);
		assert_int_equal(world_child_count(w, 0), 2);
		ike_sa_die(TAILQ_FIRST(&inside_peer(w, 1)->sas), NULL);
		c = TAILQ_LAST(&inside_peer(w, 0)->children, child_list);
		assert_true(TAILQ_FIRST(&inside_peer(w, 0)->sas)->heard_ms < c->made_ms);
		engine_limit(w->hosts[0].engine, c->out.sa, false);
		assert_true(world_run_under_traffic(w, 5000));
	}
}

/* Host 0 has asked for the other one, and the answer is late: it has none but the one that is due. */
static void there_is_another_one_that_the_peer_has_yet_to_learn_of(void **state)
{
	struct world *w = *state;

	for (uint64_t seed = 1; seed <= 8; seed++) {
		world_again(w, seed);
		up(w);
		hold(0);
		make_child(w, 0);
		assert_int_equal(world_child_count(w, 1), 2);
		engine_limit(w->hosts[1].engine, TAILQ_FIRST(&inside_peer(w, 1)->children)->out.sa, false);
		assert_true(world_run_under_traffic(w, 100));
		tap_release(&tap, w, 0);
		assert_true(world_run_under_traffic(w, 5000));
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(two_of_the_same_are_due_at_once),
		TEST(of_three_of_the_same_two_are_left),
		TEST(two_of_the_same_are_one_after_a_rekey),
		TEST(heir_is_due_before_its_rival_is_there),
		TEST(heir_is_due_before_the_old_one_is_gone),
		TEST(there_is_another_one_that_the_peer_has_lost),
		TEST(there_is_another_one_that_the_peer_has_yet_to_learn_of),
	};

	return cmocka_run_group_tests_name("IKE collisions of the same", tests, NULL, NULL);
}
