/* SPDX-License-Identifier: BSD-2-Clause */
/* Several connections between the same two hosts, whose children share an IKE SA: each has its own, and ends alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/open.h"
#include "several.h"
#include "tap.h"

/* ---- one IKE SA for all ---- */

static void set_up_one_to_three(struct world *w)
{
	configure_three(w, 1, START_RESPOND);
	configure_one(w, 0, START_TRAP);
	engine_initiate(w->hosts[0].engine, "one", NULL, 1);
	world_run(w, 2000);
	assert_three(w, 1);
	assert_int_equal(world_ike_count(w, 1), 1);
	assert_int_equal(world_child_count(w, 1), 5);
	assert_all_carried(w);
}

static void children_of_one_ike_sa_are_told_apart(void **state)
{
	set_up_one_to_three(*state);
}

static void they_stay_so_through_rekeys(void **state)
{
	struct world *w = *state;
	uint32_t before;

	set_up_one_to_three(w);
	before = bound_for(w, 1, &from_bgp)->spec.spi;
	rekey(w, 0, "one", false);
	rekey(w, 0, "one", true);
	rekey(w, 1, "bgp", false);
	assert_int_not_equal(bound_for(w, 1, &from_bgp)->spec.spi, before);
	assert_three(w, 1);
	assert_int_equal(world_child_count(w, 1), 5);
	assert_all_carried(w);
}

/* By who has one connection, and by who has three: what others have on the old IKE SA is carried all the time, too. */
static void they_stay_so_when_it_is_proven_anew(void **state)
{
	struct world *w = *state;

	for (int host = 0; host < 2; host++) {
		struct connection *c;

		world_again(w, 0);
		set_up_one_to_three(w);
		TAILQ_FOREACH(c, &w->hosts[host].engine->connections, of_engine)
			c->config->reauth_ms = 2 * 60000;
		/* What is up has begun without. */
		engine_terminate(w->hosts[0].engine, "one", NULL, 7);
		world_run(w, 2000);
		engine_initiate(w->hosts[0].engine, "one", NULL, 8);
		world_run(w, 2000);
		for (int i = 0; i < 3 * 60 * 20; i++) {
			world_run(w, 50);
			assert_all_carried(w);
		}
		assert_true(world_logged(w, host, "the peer has proven itself anew: replaced"));
		assert_three(w, 1);
		assert_int_equal(world_child_count(w, 1), 5);
		assert_int_equal(world_child_count(w, 0), 5);
	}
}

/* Nothing comes through one's SAs: they end, whosever IKE SA they are on. */
static void one_that_is_dead_ends(void **state)
{
	static const char *const names[] = {"bgp", "geneve", "rest"};
	struct world *w = *state;

	set_up_one_to_three(w);
	for (int i = 0; i < 3; i++) {
		engine_dead(w->hosts[1].engine, names[i]);
		world_run(w, 5000);
		assert_string_equal(look(w, 1, names[i]), "down");
		engine_terminate(w->hosts[0].engine, "one", NULL, 1);
		world_run(w, 5000);
		engine_initiate(w->hosts[0].engine, "one", NULL, 1);
		world_run(w, 5000);
		assert_three(w, 1);
		assert_all_carried(w);
	}
}

/* The IKE SA is one connection's; when that is taken down it goes on as another's. */
static void one_taken_down_leaves_the_others(void **state)
{
	static const char *const names[] = {"bgp", "geneve", "rest"};
	struct world *w = *state;

	set_up_one_to_three(w);
	for (int i = 0; i < 3; i++) {
		w->hosts[1].done_count = 0;
		engine_terminate(w->hosts[1].engine, names[i], NULL, 5);
		world_run(w, 1000);
		assert_int_equal(w->hosts[1].done_count, 1);
		assert_string_equal(look(w, 1, names[i]), "down");
		for (int j = i + 1; j < 3; j++)
			assert_memory_equal(look(w, 1, names[j]), "up", 2);
		if (i < 2)
			assert_carried(w, all);
	}
	world_run(w, 5000);
	assert_int_equal(world_ike_count(w, 1), 0);
	assert_int_equal(world_sa_count(w, 1, true), 0);
}

/* A child that it was about to get, or had asked for, is nobody's when it is taken down. */
static void one_taken_down_while_it_asks(void **state)
{
	for (int asked = 0; asked < 2; asked++) {
		struct world *w = *state;
		struct ike_sa *sa;

		world_again(w, 0);
		set_up_one_to_three(w);
		sa = ike_of(w, 1, "bgp");
		task_queue(sa, TASK_CHILD);
		if (asked)
			request_send_next(sa);
		engine_terminate(w->hosts[1].engine, "bgp", NULL, 5);
		world_run(w, 8000);
		for (int host = 0; host < 2; host++)
			assert_int_equal(world_child_count(w, host), 3);
		assert_int_equal(world_sa_count(w, 1, true), 3);
		assert_carried(w, all);
		assert_carried(w, geneve);
	}
}

/* The peer has no room for the child that it has rekeyed one by, and takes that back: the old one goes all the same,
 * also if its DELETE has to wait. */
static void one_taken_down_while_the_peer_rekeys_it(void **state)
{
	for (unsigned busy = 0; busy < 2; busy++) {
		struct world *w = *state;
		static struct tap tap;

		world_again(w, 0);
		set_up_one_to_three(w);
		w->latency_ms = 20;
		tap_start(&tap, w);
		tap.hold[0] = busy;
		if (busy)
			assert_non_null(task_queue(ike_of(w, 1, "bgp"), TASK_LIVENESS));
		world_run(w, 1);
		w->hosts[0].no_room = true;
		engine_rekey(w->hosts[0].engine, "one", NULL, false, 5);
		world_run(w, 30);
		w->hosts[1].done_count = 0;
		engine_terminate(w->hosts[1].engine, "bgp", NULL, 6);
		world_run(w, 2000);
		assert_int_equal(w->hosts[1].done_count, 1);
		assert_string_equal(look(w, 1, "bgp"), "down");
		assert_carried(w, geneve);
	}
}

/* The IKE SA between the two that a rekey by the peer has given a rival. */
static struct ike_sa *with_rival(struct world *w, int host)
{
	struct connection *c;
	struct ike_sa *sa;

	TAILQ_FOREACH(c, &w->hosts[host].engine->connections, of_engine)
		TAILQ_FOREACH(sa, &TAILQ_FIRST(&c->peers)->sas, of_peer)
			if (sa->rival)
				return sa;
	return NULL;
}

/* Both ends rekey it, and on one it is handed on: the peer's new one, which is not, is forgotten when it ends. */
static void one_taken_down_in_a_collision(void **state)
{
	struct world *w = *state;
	static struct tap tap;
	struct ike_sa *sa;

	set_up_one_to_three(w);
	tap_start(&tap, w);
	tap.hold[0] = TAP_HELD;
	engine_rekey(w->hosts[1].engine, "bgp", NULL, true, 5);
	world_run(w, 2);
	engine_rekey(w->hosts[0].engine, "one", NULL, true, 5);
	world_run(w, 5);
	sa = with_rival(w, 1);
	assert_non_null(sa);
	engine_terminate(w->hosts[1].engine, "bgp", NULL, 5);
	assert_ptr_not_equal(sa->peer, sa->rival->peer);
	ike_sa_die(sa->rival, NULL);
	assert_null(sa->rival);
	tap_release(&tap, w, 0);
	/* Whichever of the two has the higher nonce: the other end may have settled for the one that is gone here. */
	world_run(w, 60000);
	engine_initiate(w->hosts[0].engine, "one", NULL, 6);
	world_run(w, 5000);
	assert_carried(w, all);
}

static void a_reload_leaves_the_others(void **state)
{
	struct world *w = *state;
	struct connection_config *list[2];
	uint32_t spi;

	set_up_one_to_three(w);
	spi = bound_for(w, 1, &all)->spec.spi;
	list[0] = CONNECTION(w, 1, "rest", START_RESPOND, all);
	list[1] = CONNECTION(w, 1, "geneve", START_RESPOND, geneve, from_geneve);
	configure(w, 1, 2, list);
	world_run(w, 5000);
	assert_int_equal(bound_for(w, 1, &all)->spec.spi, spi);
	assert_carried(w, all);
	assert_carried(w, geneve);
	assert_null(bound_for(w, 1, &to_bgp));
	assert_string_equal(look(w, 1, "bgp"), "");
	assert_int_equal(world_ike_count(w, 1), 1);
	configure(w, 1, 0, NULL);
	world_run(w, 5000);
	assert_int_equal(world_sa_count(w, 1, true), 0);
}

/* Both have opened one for one of them, and one carries the others', too: that one stays, and so does what is on it. */
static void who_has_to_stay_is_not_emptied(void **state)
{
	struct world *w = *state;

	for (uint64_t seed = 0; seed < 8; seed++) {
		world_again(w, seed);
		configure_one(w, 0, START_TRAP);
		configure_three(w, 1, START_TRAP);
		engine_initiate(w->hosts[1].engine, "bgp", NULL, 1);
		world_run(w, 500);
		engine_initiate(w->hosts[0].engine, "one", NULL, 2);
		world_run(w, 500);
		assert_three(w, 1);
		assert_int_equal(world_ike_count(w, 1), 1);
		assert_int_equal(world_child_count(w, 1), 5);
		assert_non_null(peer_open(inside_peer(w, 0), 0));
		world_run(w, 3000);
		/* Its nonce is the lower one, and it is gone; or it has brought one. */
		assert_int_equal(world_child_count(w, 1), 4 + world_ike_count(w, 1));
		assert_all_carried(w);
	}
}

static void configure_two(struct world *w, int host)
{
	struct connection_config *const list[] = {
		CONNECTION(w, host, "tcp", START_TRAP, tcp),
		CONNECTION(w, host, "geneve", START_TRAP, geneve),
	};

	configure(w, host, 2, list);
}

/* The lower of two, which host 0 has begun and is about to delete; NULL: host 1 has. */
static struct ike_sa *redundant_of_host_0(struct world *w)
{
	struct ike_sa *sa;

	TAILQ_FOREACH(sa, &inside_peer(w, 0)->sas, of_peer)
		if (task_find(sa, TASK_DELETE_IKE, NULL))
			return sa;
	return NULL;
}

/* Host 1 has the lower of two IKE SAs as another connection's than the other one: all the same, a child that is on the
 * one to stay does not yield to one that is about to go. */
static void one_that_goes_is_another_connections(void **state)
{
	struct world *w = *state;
	unsigned looked_at = 0;

	for (uint64_t seed = 1; seed <= 32; seed++) {
		struct ike_sa *sa, *there;
		struct child *stays;

		world_again(w, seed);
		configure_two(w, 0);
		configure_two(w, 1);
		w->latency_ms = 20;
		engine_initiate(w->hosts[0].engine, "tcp", NULL, 1);
		engine_initiate(w->hosts[1].engine, "tcp", NULL, 2);
		world_run(w, 200);
		sa = redundant_of_host_0(w);
		if (!sa)
			continue;
		looked_at++;
		there = ike_sa_find(w->hosts[1].engine, sa->spi_r);
		assert_non_null(there);
		stays = TAILQ_FIRST(&inside_peer(w, 1)->children);
		if (stays->ike == there)
			stays = TAILQ_NEXT(stays, of_peer);
		ike_sa_give(there, TAILQ_FIRST(&TAILQ_NEXT(inside_peer(w, 1)->connection, of_engine)->peers));
		assert_non_null(child_queue(TAILQ_FIRST(&sa->children), TASK_REKEY_CHILD));
		world_run(w, 500);
		world_run(w, task_find(sa, TASK_DELETE_IKE, NULL)->not_before_ms - w->now_ms - 10);
		engine_limit(w->hosts[1].engine, stays->out.sa, false);
		for (unsigned i = 0; i < 100; i++) {
			world_run(w, 10);
			assert_carried(w, tcp);
		}
	}
	assert_in_range(looked_at, 8, 24);
}

/* ---- a rule of its own ---- */

/* One connection, in which the wider selector stands first. */
static void configure_wider_first(struct world *w, enum start_mode start)
{
	struct connection_config *const ours[] = {CONNECTION(w, 0, "one", start, all, to_bgp)};
	struct connection_config *const theirs[] = {CONNECTION(w, 1, "one", START_RESPOND, all, from_bgp)};

	configure(w, 1, 1, theirs);
	configure(w, 0, 1, ours);
}

/* What a wider child would carry is not taken for carried: the datapath does not. */
static void a_wider_child_does_not_do(void **state)
{
	struct world *w = *state;

	configure_wider_first(w, START_TRAP);
	acquire(w, 0, 17, 1, 2);
	world_run(w, 500);
	assert_carried(w, all);
	assert_null(bound_for(w, 0, &to_bgp));
	acquire(w, 0, 6, 40000, 179);
	world_run(w, 500);
	assert_carried(w, to_bgp);
	assert_int_equal(world_child_count(w, 0), 2);
}

static void all_are_opened_whatever_the_order(void **state)
{
	struct world *w = *state;

	configure_wider_first(w, START_INITIATE);
	world_run(w, 1000);
	assert_carried(w, all);
	assert_carried(w, to_bgp);
}

/* The peer deletes it, or has lost it and says so when it is to be rekeyed: that one is made anew, and no other. */
static void the_lost_one_is_made_anew(void **state)
{
	for (int i = 0; i < 4; i++) {
		const bool deleted = i & 1;
		struct world *w = *state;
		struct child *c;

		world_again(w, 0);
		configure_wider_first(w, START_INITIATE);
		world_run(w, 1000);
		c = peer_child_up(inside_peer(w, 1), i & 2 ? &all : &from_bgp);
		assert_non_null(c);
		if (deleted)
			child_queue(c, TASK_DELETE_CHILD);
		else
			child_drop(c);
		world_run(w, 100);
		if (!deleted)
			engine_rekey(w->hosts[0].engine, "one", NULL, false, 5);
		world_run(w, 5000);
		assert_carried(w, all);
		assert_carried(w, to_bgp);
		for (int host = 0; host < 2; host++)
			assert_int_equal(world_child_count(w, host), 2);
	}
}

/* ESP that nobody has an SA for: whichever connection it was, also beside one that opens nothing by itself. */
static void any_may_be_the_lost_one(void **state)
{
	struct world *w = *state;
	struct connection_config *const list[] = {
		CONNECTION(w, 0, "rest", START_RESPOND, all),
		CONNECTION(w, 0, "bgp", START_TRAP, to_bgp, from_bgp),
		CONNECTION(w, 0, "geneve", START_TRAP, geneve, from_geneve),
	};

	configure(w, 0, 3, list);
	configure_three(w, 1, START_RESPOND);
	engine_unknown_spi(w->hosts[0].engine, w->hosts[0].addr, w->hosts[1].addr, 0x12345678);
	world_run(w, 1000);
	assert_carried(w, to_bgp);
	assert_carried(w, from_bgp);
	assert_carried(w, geneve);
	assert_carried(w, from_geneve);
	assert_string_equal(look(w, 0, "rest"), "down");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
	const struct CMUnitTest tests[] = {
		TEST(children_of_one_ike_sa_are_told_apart),
		TEST(they_stay_so_through_rekeys),
		TEST(they_stay_so_when_it_is_proven_anew),
		TEST(one_that_is_dead_ends),
		TEST(one_taken_down_leaves_the_others),
		TEST(one_taken_down_while_it_asks),
		TEST(one_taken_down_while_the_peer_rekeys_it),
		TEST(one_taken_down_in_a_collision),
		TEST(a_reload_leaves_the_others),
		TEST(who_has_to_stay_is_not_emptied),
		TEST(one_that_goes_is_another_connections),
		TEST(a_wider_child_does_not_do),
		TEST(all_are_opened_whatever_the_order),
		TEST(the_lost_one_is_made_anew),
		TEST(any_may_be_the_lost_one),
	};

	return cmocka_run_group_tests_name("IKE: connections that share an IKE SA", tests, NULL, NULL);
}
