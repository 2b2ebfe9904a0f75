/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Both ends at once: each case of RFC 7296 sections 2.8.1, 2.8.2 and 2.25, under traffic. Of two that rekey or close an
 * IKE SA, or one and a child, test_collisions_ike.c has the cases; of two children of the same, test_collisions_same.c.
 *
 *                          while we ...
 *   the peer asks to ...   close it            rekey it              rekey the IKE SA    close the IKE SA
 *   rekey the child        TEMPORARY_FAILURE   as usual, one goes    TEMPORARY_FAILURE
 *   close the child        no D payload        as usual              as usual
 *   make a child                                                     TEMPORARY_FAILURE
 *   rekey the IKE SA       TEMPORARY_FAILURE   TEMPORARY_FAILURE     as usual, one goes  TEMPORARY_FAILURE
 *   close the IKE SA                                                 as usual            as usual
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "collide.h"

/* ---- a child: section 2.25.1 ---- */

static void rekey_of_child_being_closed(void **state)
{
	struct world *w = *state;

	up(w);
	hold(1);
	close_child(w, 0);
	rekey(w, 1, false);
	assert_answered(0, EXCHANGE_CREATE_CHILD_SA, TEMPORARY_FAILURE);
	settle(w, 1);
}

/* The whole of 2.8.1, both ways round: the seed decides whose nonce is the lowest. */
static void rekey_of_child_being_rekeyed(void **state)
{
	struct world *w = *state;
	unsigned kept_by[2] = {0, 0};

	up(w);
	for (int i = 0; i < 16; i++) {
		tap.count = 0;
		world_rekey(w, 0, false);
		world_rekey(w, 1, false);
		assert_true(world_run_under_traffic(w, 5000));
		assert_true(world_is_up(w));
		assert_int_equal(world_sa_count(w, 0, true), 1);
		/* Two new ones were made; each deletes one: who has lost its own new one, the other the old one. */
		for (int host = 0; host < 2; host++) {
			assert_int_equal(tap_count(&tap, host, EXCHANGE_CREATE_CHILD_SA, true, 0), 1);
			assert_int_equal(tap_count(&tap, host, EXCHANGE_INFORMATIONAL, false, 0), 1);
		}
		/* The one with the lowest of the four nonces is gone. */
		assert_memory_equal(inside_child(w, 0)->low_nonce, tap_higher_nonce(&tap), NONCE_SIZE);
		kept_by[inside_child(w, 1)->initiator]++;
		assert_int_not_equal(inside_child(w, 0)->initiator, inside_child(w, 1)->initiator);
	}
	assert_true(kept_by[0] && kept_by[1]);
}

/* One request is late: who sent the other is done with the old child before it comes (section 2.8.1, its second half).
 */
static void rekey_of_child_that_was_rekeyed(void **state)
{
	struct world *w = *state;

	for (int late = 0; late < 2; late++) {
		world_again(w, 1);
		up(w);
		hold(!late);
		world_rekey(w, late, false);
		world_run(w, 5);
		tap_drop(&tap);
		world_rekey(w, !late, false);
		/* Its retransmission finds the old one gone, or about to go. */
		assert_true(world_run_under_traffic(w, 6000));
		assert_int_equal(tap_count(&tap, !late, EXCHANGE_CREATE_CHILD_SA, true, CHILD_SA_NOT_FOUND) +
					 tap_count(&tap, !late, EXCHANGE_CREATE_CHILD_SA, true, TEMPORARY_FAILURE),
				 1);
		settle(w, 0);
	}
}

static struct child *oldest_child(struct world *w, int host)
{
	return TAILQ_FIRST(&inside_peer(w, host)->children);
}

/*
 *   0 ─► REKEY_SA(old)        both have the new one, and 0 is to delete the old one in a moment
 *   REKEY_SA(new) ─► 0        not before that (section 2.25)
 */
static void rekey_of_child_whose_old_one_is_still_there(void **state)
{
	struct world *w = *state;
	uint32_t new;

	up(w);
	rekey(w, 0, false);
	new = inside_child(w, 1)->in.spi;
	/* Ours would wait. */
	oldest_child(w, 1)->successor = NULL;
	rekey(w, 1, false);
	assert_answered(0, EXCHANGE_CREATE_CHILD_SA, TEMPORARY_FAILURE);
	assert_true(world_run_under_traffic(w, 6000));
	assert_int_not_equal(inside_child(w, 1)->in.spi, new);
	settle(w, 0);
}

/* Nobody asks for it: neither who made the new one nor the other end. */
static void new_child_is_rekeyed_when_the_old_one_is_gone(void **state)
{
	struct world *w = *state;

	for (int by = 0; by < 2; by++) {
		world_again(w, 0);
		up(w);
		rekey(w, 0, false);
		rekey(w, by, false);
		assert_true(world_run_under_traffic(w, 200));
		assert_int_equal(world_child_count(w, by), 2);
		assert_int_equal(tap_count(&tap, by, EXCHANGE_CREATE_CHILD_SA, false, 0), !by);
		assert_true(world_run_under_traffic(w, 1000));
		assert_int_equal(tap_count(&tap, by, EXCHANGE_CREATE_CHILD_SA, false, 0), 1 + !by);
		settle(w, 0);
	}
}

/* It rekeys, alone or with us at once, and never deletes what is its to delete: we do, in the end. */
static void peer_forgets_to_delete_what_was_rekeyed(void **state)
{
	struct world *w = *state;

	for (uint64_t seed = 0; seed < 12; seed++) {
		world_again(w, seed);
		up(w);
		world_rekey(w, 1, false);
		if (seed)
			world_rekey(w, 0, false);
		world_run(w, 5);
		task_drop_all(inside_ike(w, 1), false);
		assert_true(world_run_under_traffic(w, 20000));
		assert_int_equal(world_child_count(w, 0), 2);
		assert_true(world_run_under_traffic(w, 20000));
		settle(w, 0);
	}
}

/* It has made it, cannot use it, and takes it back: the old one is as it was, and is rekeyed another time. */
static void peer_takes_back_what_it_has_rekeyed(void **state)
{
	struct world *w = *state;
	uint32_t old;

	up(w);
	old = inside_child(w, 0)->in.spi;
	timer_cancel(&w->hosts[0].engine->timers, &inside_child(w, 0)->soft);
	w->hosts[1].no_room = true;
	rekey(w, 1, false);
	assert_int_equal(tap_count(&tap, 1, EXCHANGE_INFORMATIONAL, false, 0), 1);
	w->hosts[1].no_room = false;
	assert_true(world_run_under_traffic(w, 1000));
	assert_non_null(inside_child(w, 0));
	assert_int_equal(inside_child(w, 0)->in.spi, old);
	/* By us, if the peer does not, also if our time for it has come and gone. */
	assert_true(timer_is_set(&inside_child(w, 0)->soft));
	assert_true(world_run_under_traffic(w, 14000));
	assert_int_not_equal(inside_child(w, 0)->in.spi, old);
	settle(w, 0);
}

/* We were told to, and wait for the window: the peer's does as well. */
static void rekey_that_waits_is_done_by_the_peer(void **state)
{
	struct world *w = *state;

	up(w);
	hold(1);
	assert_non_null(task_queue(inside_ike(w, 0), TASK_LIVENESS));
	rekey(w, 0, false);
	assert_int_equal(w->hosts[0].done_count, 0);
	rekey(w, 1, false);
	assert_int_equal(w->hosts[0].done_count, 1);
	assert_string_equal(w->hosts[0].done_error, "");
	settle(w, 1);
	assert_int_equal(tap_count(&tap, 0, EXCHANGE_CREATE_CHILD_SA, false, 0), 0);
}

static void rekey_of_unknown_child(void **state)
{
	struct world *w = *state;

	up(w);
	child_drop(inside_child(w, 1));
	rekey(w, 0, false);
	assert_int_equal(tap_count(&tap, 1, EXCHANGE_CREATE_CHILD_SA, true, CHILD_SA_NOT_FOUND), 1);
	settle(w, 0);
}

static void close_of_child_being_closed(void **state)
{
	struct world *w = *state;

	up(w);
	hold(1);
	close_child(w, 0);
	close_child(w, 1);
	assert_answered(0, EXCHANGE_INFORMATIONAL, 0);
	assert_int_equal(tap_last(&tap, 0, EXCHANGE_INFORMATIONAL, true)->deletes, 0);
	settle(w, 1);
	assert_int_equal(tap_last(&tap, 1, EXCHANGE_INFORMATIONAL, true)->deletes, 0);
}

static void close_of_child_being_rekeyed(void **state)
{
	struct world *w = *state;

	up(w);
	hold(1);
	rekey(w, 0, false);
	close_child(w, 1);
	assert_int_equal(tap_last(&tap, 0, EXCHANGE_INFORMATIONAL, true)->deletes, 1);
	tap_release(&tap, w, 1);
	world_run(w, 5);
	assert_answered(1, EXCHANGE_CREATE_CHILD_SA, CHILD_SA_NOT_FOUND);
	settle(w, 1);
}

static void close_of_unknown_child(void **state)
{
	struct world *w = *state;

	up(w);
	child_drop(inside_child(w, 0));
	close_child(w, 1);
	assert_answered(0, EXCHANGE_INFORMATIONAL, 0);
	assert_int_equal(tap_last(&tap, 0, EXCHANGE_INFORMATIONAL, true)->deletes, 0);
	world_run(w, 5000);
	assert_int_equal(world_sa_count(w, 1, true), 0);
	assert_int_equal(world_ike_count(w, 1), 1);
}

/* Makes or rekeys a child by host 0; its DELETE by host 1, the one who answered, is there before the answer. */
static void close_before_answer(struct world *w, bool is_rekey)
{
	struct child *c;

	hold(0);
	if (is_rekey)
		rekey(w, 0, false);
	else
		make_child(w, 0);
	c = TAILQ_LAST(&inside_peer(w, 1)->children, child_list);
	assert_non_null(child_queue(c, TASK_DELETE_CHILD));
	world_run(w, 5);
	assert_int_equal(tap_last(&tap, 0, EXCHANGE_INFORMATIONAL, true)->deletes, 0);
	tap_release(&tap, w, 0);
	world_run(w, 5);
}

static void close_overtakes_the_new_child(void **state)
{
	struct world *w = *state;

	up(w);
	close_before_answer(w, false);
	assert_int_equal(world_child_count(w, 0), 1);
	assert_int_equal(world_child_count(w, 1), 1);
	assert_true(world_run_under_traffic(w, 5000));
}

static void close_overtakes_the_rekeyed_child(void **state)
{
	struct world *w = *state;

	up(w);
	close_before_answer(w, true);
	assert_int_equal(world_child_count(w, 0), 1);
	assert_true(world_run_under_traffic(w, 5000));
	settle(w, 0);
}

/* ---- and the network loses one of it ---- */

struct lose {
	unsigned number; /* of the datagram that is lost, from 1 */
	unsigned seen;
};

static enum fate lose_one(struct world *w, struct world_packet *p, void *arg)
{
	struct lose *l = arg;

	(void)w;
	(void)p;
	return ++l->seen == l->number ? DROP : PASS;
}

struct late {
	unsigned first; /* so many datagrams of host 0 are lost */
};

static enum fate lose_first_of_host_0(struct world *w, struct world_packet *p, void *arg)
{
	struct late *l = arg;

	(void)w;
	if (p->to != 1 || !l->first)
		return PASS;
	l->first--;
	return DROP;
}

/*
 * Host 1 rekeys the child and does not hear the answer; host 0 has the new one and is told to rekey it:
 *
 *   1 ─► REKEY_SA(old)         0 makes the new one
 *        (lost)  ◄─ SA, Nr, KEr
 *   REKEY_SA(new) ─► 1         1 knows nothing of it: CHILD_SA_NOT_FOUND. It is not gone, only not there yet.
 */
static void rekey_of_child_the_peer_has_yet_to_learn_of(void **state)
{
	struct world *w = *state;
	struct late l = {.first = 1};

	world_configure_both(w, START_INITIATE);
	world_run(w, 200);
	w->filter = lose_first_of_host_0;
	w->filter_arg = &l;
	world_rekey(w, 1, false);
	assert_true(world_run_under_traffic(w, 50));
	assert_int_equal(l.first, 0);
	world_rekey(w, 0, false);
	assert_true(world_run_under_traffic(w, 10000));
	assert_string_equal(w->hosts[0].done_error, "");
	assert_int_equal(w->hosts[0].done_count, 1);
	assert_true(world_is_up(w));
	assert_int_equal(world_sa_count(w, 0, true), 1);
}

/* The same with one that is new, and by which host 0 sends before that. */
static void rekey_of_new_child_the_peer_has_yet_to_learn_of(void **state)
{
	struct world *w = *state;
	struct child *c;

	up(w);
	w->latency_ms = 100;
	hold(1);
	make_child(w, 1);
	world_run(w, 200);
	tap_drop(&tap);
	c = TAILQ_LAST(&inside_peer(w, 0)->children, child_list);
	assert_int_equal(c->out.state, HALF_INSTALLED);
	/* The clock has leapt since. */
	c->made_ms -= 120000;
	assert_non_null(child_queue(c, TASK_REKEY_CHILD));
	world_run(w, 6000);
	assert_int_equal(tap_count(&tap, 1, EXCHANGE_CREATE_CHILD_SA, true, CHILD_SA_NOT_FOUND), 1);
	assert_int_equal(world_child_count(w, 0), 2);
	assert_int_equal(world_child_count(w, 1), 2);
	assert_true(world_run_under_traffic(w, 1000));
}

static void collisions_survive_each_loss(void **state)
{
	struct world *w = *state;

	for (unsigned n = 1; n <= 9; n++) {
		for (int kinds = 0; kinds < 4; kinds++) {
			struct lose l = {.number = n};

			world_again(w, n);
			up(w);
			w->filter = lose_one;
			w->filter_arg = &l;
			world_rekey(w, 0, kinds & 1);
			world_rekey(w, 1, kinds & 2);
			assert_true(world_run_under_traffic(w, 14000));
			assert_true(world_is_up(w));
		}
	}
}

/*
 * The way takes 100 ms, and the second order comes at any moment of what the first one began: each of its messages
 * crosses each of the other's.
 */
static void any_two_rekeys_far_apart(void **state)
{
	struct world *w = *state;

	for (int kinds = 0; kinds < 4; kinds++) {
		for (uint64_t apart = 0; apart <= 900; apart += 30) {
			world_again(w, apart + (uint64_t)kinds);
			w->latency_ms = 100;
			world_configure_both(w, START_INITIATE);
			world_run(w, 1000);
			world_rekey(w, 0, kinds & 1);
			assert_true(world_run_under_traffic(w, apart));
			world_rekey(w, 1, kinds & 2);
			assert_true(world_run_under_traffic(w, 10000));
			assert_true(world_is_up(w));
			for (int host = 0; host < 2; host++) {
				assert_int_equal(world_sa_count(w, host, true), 1);
				assert_int_equal(world_sa_count(w, host, false), 1);
			}
		}
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rekey_of_child_being_closed),
		TEST(rekey_of_child_being_rekeyed),
		TEST(rekey_of_child_that_was_rekeyed),
		TEST(rekey_of_child_whose_old_one_is_still_there),
		TEST(new_child_is_rekeyed_when_the_old_one_is_gone),
		TEST(peer_forgets_to_delete_what_was_rekeyed),
		TEST(peer_takes_back_what_it_has_rekeyed),
		TEST(rekey_that_waits_is_done_by_the_peer),
		TEST(rekey_of_unknown_child),
		TEST(close_of_child_being_closed),
		TEST(close_of_child_being_rekeyed),
		TEST(close_of_unknown_child),
		TEST(close_overtakes_the_new_child),
		TEST(close_overtakes_the_rekeyed_child),
		TEST(rekey_of_child_the_peer_has_yet_to_learn_of),
		TEST(rekey_of_new_child_the_peer_has_yet_to_learn_of),
		TEST(collisions_survive_each_loss),
		TEST(any_two_rekeys_far_apart),
	};

	return cmocka_run_group_tests_name("IKE collisions", tests, NULL, NULL);
}
