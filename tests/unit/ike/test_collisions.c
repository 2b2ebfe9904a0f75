/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Both ends at once: each case of RFC 7296 sections 2.8.1, 2.8.2 and 2.25, under traffic.
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
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "inside.h"
#include "tap.h"

static struct tap tap;

/* Up, host 0 the initiator, and the tap on. */
static void up(struct world *w)
{
	world_configure_both(w, START_INITIATE);
	world_run(w, 200);
	assert_true(world_is_up(w));
	tap_start(&tap, w);
}

/* The next datagram to that host waits on the wire. */
static void hold(int to)
{
	tap.hold[to] = 1;
}

static void close_child(struct world *w, int host)
{
	assert_non_null(child_queue(inside_child(w, host), TASK_DELETE_CHILD));
	world_run(w, 5);
}

static void make_child(struct world *w, int host)
{
	assert_non_null(task_queue(inside_ike(w, host), TASK_CHILD));
	world_run(w, 5);
}

static void rekey(struct world *w, int host, bool ike)
{
	world_rekey(w, host, ike);
	world_run(w, 5);
}

/* It has said no to that, once, and nothing else. */
static void assert_answered(int by, uint8_t exchange, uint16_t error)
{
	const struct tap_seen *s = tap_last(&tap, by, exchange, true);

	assert_non_null(s);
	assert_int_equal(s->error, error);
}

static void settle(struct world *w, int held)
{
	tap_release(&tap, w, held);
	world_run(w, 15000);
	assert_true(world_is_up(w));
	assert_int_equal(world_sa_count(w, 0, true), 1);
	assert_int_equal(world_sa_count(w, 1, false), 1);
}

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
	w->hosts[1].no_room = true;
	rekey(w, 1, false);
	assert_int_equal(tap_count(&tap, 1, EXCHANGE_INFORMATIONAL, false, 0), 1);
	w->hosts[1].no_room = false;
	assert_true(world_run_under_traffic(w, 1000));
	assert_non_null(inside_child(w, 0));
	assert_int_equal(inside_child(w, 0)->in.spi, old);
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

/* ---- the IKE SA against a child: section 2.25.1, 2.25.2 ---- */

static void rekey_of_ike_while_child_is_made(void **state)
{
	struct world *w = *state;

	up(w);
	hold(1);
	make_child(w, 0);
	rekey(w, 1, true);
	assert_answered(0, EXCHANGE_CREATE_CHILD_SA, TEMPORARY_FAILURE);
	tap_release(&tap, w, 1);
	assert_true(world_run_under_traffic(w, 8000));
	assert_int_equal(world_ike_count(w, 0), 1);
	assert_false(inside_ike(w, 0)->initiator);
}

static void rekey_of_ike_while_child_is_rekeyed(void **state)
{
	struct world *w = *state;

	up(w);
	hold(1);
	rekey(w, 0, false);
	rekey(w, 1, true);
	assert_answered(0, EXCHANGE_CREATE_CHILD_SA, TEMPORARY_FAILURE);
	settle(w, 1);
	/* It was asked again, and came to pass. */
	assert_false(inside_ike(w, 0)->initiator);
}

static void rekey_of_ike_while_child_is_closed(void **state)
{
	struct world *w = *state;

	up(w);
	hold(1);
	close_child(w, 0);
	rekey(w, 1, true);
	assert_answered(0, EXCHANGE_CREATE_CHILD_SA, TEMPORARY_FAILURE);
	settle(w, 1);
}

static void child_is_made_while_ike_is_rekeyed(void **state)
{
	struct world *w = *state;

	up(w);
	hold(1);
	rekey(w, 0, true);
	make_child(w, 1);
	assert_answered(0, EXCHANGE_CREATE_CHILD_SA, TEMPORARY_FAILURE);
	tap_release(&tap, w, 1);
	assert_true(world_run_under_traffic(w, 8000));
	assert_int_equal(world_ike_count(w, 1), 1);
}

static void child_is_rekeyed_while_ike_is_rekeyed(void **state)
{
	struct world *w = *state;
	uint32_t before;

	up(w);
	before = world_bound(w, 0)->spec.spi;
	hold(1);
	rekey(w, 0, true);
	rekey(w, 1, false);
	assert_answered(0, EXCHANGE_CREATE_CHILD_SA, TEMPORARY_FAILURE);
	settle(w, 1);
	assert_int_not_equal(world_bound(w, 0)->spec.spi, before);
}

static void child_is_closed_while_ike_is_rekeyed(void **state)
{
	struct world *w = *state;

	up(w);
	hold(1);
	rekey(w, 0, true);
	close_child(w, 1);
	assert_int_equal(tap_last(&tap, 0, EXCHANGE_INFORMATIONAL, true)->deletes, 1);
	settle(w, 1);
}

/* One rekeys the child, the other the IKE SA, at the same moment. */
static void child_and_ike_at_once(void **state)
{
	struct world *w = *state;

	up(w);
	for (int i = 0; i < 8; i++) {
		world_rekey(w, 0, i & 1);
		world_rekey(w, 1, !(i & 1));
		assert_true(world_run_under_traffic(w, 8000));
		assert_true(world_is_up(w));
	}
}

/* ---- the IKE SA: sections 2.8.2, 2.25.2 ---- */

static void rekey_of_ike_being_rekeyed(void **state)
{
	struct world *w = *state;
	unsigned kept_by[2] = {0, 0};

	up(w);
	for (int i = 0; i < 16; i++) {
		tap.count = 0;
		world_rekey(w, 0, true);
		world_rekey(w, 1, true);
		assert_true(world_run_under_traffic(w, 1000));
		assert_true(world_is_up(w));
		for (int host = 0; host < 2; host++) {
			assert_int_equal(tap_count(&tap, host, EXCHANGE_CREATE_CHILD_SA, true, 0), 1);
			assert_int_equal(tap_count(&tap, host, EXCHANGE_INFORMATIONAL, false, 0), 1);
		}
		assert_memory_equal(inside_ike(w, 0)->low_nonce, tap_higher_nonce(&tap), NONCE_SIZE);
		kept_by[inside_ike(w, 1)->initiator]++;
		assert_int_equal(inside_ike(w, 0)->spi_i, inside_ike(w, 1)->spi_i);
	}
	assert_true(kept_by[0] && kept_by[1]);
}

/* One never hears of the other's request before the old IKE SA is deleted (section 2.8.2, its second half). */
static void rekey_of_ike_that_was_rekeyed(void **state)
{
	struct world *w = *state;

	for (int late = 0; late < 2; late++) {
		world_again(w, 1);
		up(w);
		hold(!late);
		world_rekey(w, late, true);
		world_run(w, 5);
		tap_drop(&tap);
		world_rekey(w, !late, true);
		assert_true(world_run_under_traffic(w, 3000));
		assert_true(world_is_up(w));
		assert_int_equal(inside_ike(w, 0)->spi_i, inside_ike(w, 1)->spi_i);
		assert_true(inside_ike(w, !late)->initiator);
		/* And it is a living one. */
		world_rekey(w, late, false);
		assert_true(world_run_under_traffic(w, 5000));
		assert_true(world_is_up(w));
	}
}

/*
 * Both rekey the IKE SA, and host 1, whose new one is kept, knows so while its answer to host 0 is on its way. False:
 * with these random numbers it is the other one.
 */
static bool up_with_ike_settled_at_host_1(struct world *w, uint64_t seed)
{
	world_again(w, seed);
	up(w);
	world_rekey(w, 0, true);
	world_rekey(w, 1, true);
	world_run(w, 0);
	/* And its DELETE of the old one. */
	tap.hold[0] = 2;
	world_run(w, 5);
	if (inside_child(w, 1)->ike->initiator)
		return true;
	tap_drop(&tap);
	return false;
}

static void child_is_rekeyed_on_the_new_ike(void **state)
{
	struct world *w = *state;
	unsigned n = 0;

	for (uint64_t seed = 0; seed < 8; seed++) {
		if (!up_with_ike_settled_at_host_1(w, seed))
			continue;
		rekey(w, 1, false);
		assert_answered(0, EXCHANGE_CREATE_CHILD_SA, TEMPORARY_FAILURE);
		/* If its DELETE of the old one is there first, the new one of host 0 is gone with it, and here in a
		 * while. */
		assert_true(world_run_under_traffic(w, 20000));
		settle(w, 0);
		n++;
	}
	assert_int_not_equal(n, 0);
}

static void child_is_closed_on_the_new_ike(void **state)
{
	struct world *w = *state;
	unsigned n = 0;

	for (uint64_t seed = 0; seed < 8; seed++) {
		if (!up_with_ike_settled_at_host_1(w, seed))
			continue;
		close_child(w, 1);
		assert_int_equal(tap_last(&tap, 0, EXCHANGE_INFORMATIONAL, true)->deletes, 1);
		assert_null(inside_child(w, 0));
		settle(w, 0);
		n++;
	}
	assert_int_not_equal(n, 0);
}

static void rekey_of_ike_being_closed(void **state)
{
	struct world *w = *state;

	up(w);
	hold(1);
	world_terminate(w, 0);
	world_run(w, 5);
	rekey(w, 1, true);
	assert_answered(0, EXCHANGE_CREATE_CHILD_SA, TEMPORARY_FAILURE);
	tap_release(&tap, w, 1);
	world_run(w, 10000);
	assert_true(world_is_down(w));
}

static void close_of_ike_being_rekeyed(void **state)
{
	struct world *w = *state;

	up(w);
	hold(1);
	rekey(w, 0, true);
	world_terminate(w, 1);
	world_run(w, 5);
	assert_answered(0, EXCHANGE_INFORMATIONAL, 0);
	assert_null(inside_ike(w, 0));
	tap_release(&tap, w, 1);
	world_run(w, 500);
	assert_int_equal(world_ike_count(w, 1), 0);
	/* Host 0 is to have a connection, and opens another. */
	w->hosts[1].log_size = 0;
	world_run(w, 5000);
	assert_true(world_is_up(w));
}

static void close_of_ike_being_closed(void **state)
{
	struct world *w = *state;

	up(w);
	hold(1);
	world_terminate(w, 0);
	world_run(w, 5);
	world_terminate(w, 1);
	world_run(w, 5);
	assert_answered(0, EXCHANGE_INFORMATIONAL, 0);
	tap_release(&tap, w, 1);
	world_run(w, 10000);
	assert_true(world_is_down(w));
	assert_int_equal(w->hosts[0].done_count, 1);
	assert_int_equal(w->hosts[1].done_count, 1);
	assert_string_equal(w->hosts[1].done_error, "");
}

/* ---- both ends begin ---- */

static void both_initiate(struct world *w, uint64_t apart_ms)
{
	for (int i = 0; i < 2; i++) {
		struct connection_config *c = world_connection(w, i);

		c->start = START_INITIATE;
		world_configure(w, i, c);
		world_run(w, apart_ms);
	}
}

static void both_initiate_at_once(void **state)
{
	struct world *w = *state;

	both_initiate(w, 0);
	world_run(w, 500);
	assert_true(world_talks(w));
	assert_true(world_run_under_traffic(w, 8000));
	assert_true(world_is_up(w));
}

/* The clock tells nothing of what came first. Whoever's nonce is the lowest. */
static void both_initiate_in_one_millisecond(void **state)
{
	struct world *w = *state;

	for (uint64_t seed = 1; seed <= 8; seed++) {
		world_again(w, seed);
		w->latency_ms = 0;
		world_configure(w, 0, world_connection(w, 0));
		world_configure(w, 1, world_connection(w, 1));
		world_initiate(w, 0);
		world_initiate(w, 1);
		world_run(w, 8000);
		assert_true(world_is_up(w));
	}
}

/* Host 0 begins and is not heard; host 1 begins and is; then host 0 is heard too. Whoever's nonce is the lowest. */
static void both_initiate_one_late(void **state)
{
	struct world *w = *state;

	for (uint64_t seed = 1; seed <= 12; seed++) {
		world_again(w, seed);
		tap_start(&tap, w);
		hold(1);
		both_initiate(w, 50);
		tap_drop(&tap);
		world_run(w, 3000);
		assert_true(world_talks(w));
		assert_true(world_run_under_traffic(w, 8000));
		assert_int_equal(world_ike_count(w, 0), 1);
		assert_int_equal(world_ike_count(w, 1), 1);
	}
}

static enum fate auth_of_host_1_is_late(struct world *w, struct world_packet *p, void *arg)
{
	bool *held = arg;
	struct ike_header h;

	if (*held || p->to != 0 || !header_parse(p->data, p->size, &h) || h.exchange != EXCHANGE_IKE_AUTH ||
	    (h.flags & FLAG_RESPONSE))
		return PASS;
	*held = true;
	world_inject(w, p, 200);
	return DROP;
}

/* Its INITIAL_CONTACT is of the time before the other one was up: that one has not been forgotten. */
static void initial_contact_is_late(void **state)
{
	struct world *w = *state;
	bool held = false;

	w->filter = auth_of_host_1_is_late;
	w->filter_arg = &held;
	both_initiate(w, 0);
	world_run(w, 100);
	assert_true(held);
	assert_true(world_talks(w));
	assert_true(world_run_under_traffic(w, 8000));
	assert_true(world_is_up(w));
	assert_false(world_logged(w, 0, "has started anew"));
}

struct forgotten {
	uint64_t ours;	 /* SPI of what host 0 began */
	uint64_t theirs; /* of what host 1 began */
	bool held;
	bool gone;
};

/* The answer to host 0's IKE_AUTH is late, and from then on nothing comes or goes on what host 1 has begun. */
static enum fate forget_theirs(struct world *w, struct world_packet *p, void *arg)
{
	struct forgotten *f = arg;
	struct ike_header h;

	if (!header_parse(p->data, p->size, &h) || h.exchange == EXCHANGE_IKE_SA_INIT)
		return PASS;
	if (h.exchange == EXCHANGE_IKE_AUTH && !(h.flags & FLAG_RESPONSE) && !f->gone)
		*(p->to ? &f->ours : &f->theirs) = h.spi_i;
	if (f->gone && h.spi_i == f->theirs)
		return DROP;
	if (f->held || p->to != 0 || h.exchange != EXCHANGE_IKE_AUTH || h.spi_i != f->ours)
		return PASS;
	f->held = true;
	world_inject(w, p, 50);
	return DROP;
}

static bool has_ike_sa(struct world *w, int host, uint64_t spi_i)
{
	cJSON *status = engine_status(w->hosts[host].engine);
	char *text = cJSON_PrintUnformatted(status), spi[20];
	bool found;

	snprintf(spi, sizeof(spi), "%016" PRIx64, spi_i);
	found = strstr(text, spi);
	free(text);
	cJSON_Delete(status);
	return found;
}

/*
 * Both begin at once, and the peer reads our INITIAL_CONTACT when its own IKE SA is up: it ends that, and says nothing.
 * Ours is the only one there is, whoever's nonce is the lowest.
 */
static void peer_ends_its_own_in_silence(void **state)
{
	struct world *w = *state;

	for (uint64_t seed = 1; seed <= 8; seed++) {
		struct forgotten f = {0};

		world_again(w, seed);
		w->filter = forget_theirs;
		w->filter_arg = &f;
		both_initiate(w, 0);
		world_run(w, 40);
		assert_true(f.held && has_ike_sa(w, 0, f.theirs));
		f.gone = true;
		world_run(w, 60000);
		assert_true(has_ike_sa(w, 0, f.ours));
		assert_true(has_ike_sa(w, 1, f.ours));
		w->filter = NULL;
	}
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
		TEST(rekey_of_ike_while_child_is_made),
		TEST(rekey_of_ike_while_child_is_rekeyed),
		TEST(rekey_of_ike_while_child_is_closed),
		TEST(child_is_made_while_ike_is_rekeyed),
		TEST(child_is_rekeyed_while_ike_is_rekeyed),
		TEST(child_is_closed_while_ike_is_rekeyed),
		TEST(child_and_ike_at_once),
		TEST(rekey_of_ike_being_rekeyed),
		TEST(rekey_of_ike_that_was_rekeyed),
		TEST(child_is_rekeyed_on_the_new_ike),
		TEST(child_is_closed_on_the_new_ike),
		TEST(rekey_of_ike_being_closed),
		TEST(close_of_ike_being_rekeyed),
		TEST(close_of_ike_being_closed),
		TEST(both_initiate_at_once),
		TEST(both_initiate_in_one_millisecond),
		TEST(both_initiate_one_late),
		TEST(initial_contact_is_late),
		TEST(peer_ends_its_own_in_silence),
		TEST(rekey_of_child_the_peer_has_yet_to_learn_of),
		TEST(rekey_of_new_child_the_peer_has_yet_to_learn_of),
		TEST(two_of_the_same_are_due_at_once),
		TEST(collisions_survive_each_loss),
		TEST(any_two_rekeys_far_apart),
	};

	return cmocka_run_group_tests_name("IKE collisions", tests, NULL, NULL);
}
