/* SPDX-License-Identifier: BSD-2-Clause */
/* A restart of ours: SAs of the earlier run are there, and are replaced, or end; by a peer that is one host, or one of
 * a mesh, whoever was to open it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "world.h"

#define HOUR_MS 3600000

static void configure(struct world *w, enum start_mode start, uint8_t remote_bits)
{
	struct connection_config *c = world_connection(w, 0);

	c->start = start;
	c->remote_bits = remote_bits;
	world_configure(w, 0, c);
}

static const enum start_mode starts[] = {START_TRAP, START_INITIATE, START_RESPOND};

/* Host 0 is the new one; nothing asks it to open. */
static void are_replaced(void **state)
{
	struct world *w = *state;

	for (int kind = 0; kind < 6; kind++) {
		world_again(w, (uint64_t)kind);
		world_configure(w, 1, world_connection(w, 1));
		w->hosts[0].orphans_ms = HOUR_MS;
		configure(w, starts[kind / 2], kind & 1 ? 24 : 32);
		world_run(w, 500);
		assert_true(world_is_up(w));
		assert_true(world_logged(w, 0, "SAs with 1 peers"));
		/* Not before the new ones have carried for a while. */
		assert_true(w->hosts[0].orphans_ms);
		world_run(w, 4000);
		assert_false(w->hosts[0].orphans_ms);
		assert_true(world_is_up(w));
	}
}

/* Traffic both ways all the time, over a long line: no packet is lost, whoever was killed and whoever had opened. */
static void traffic_does_not_notice(void **state)
{
	struct world *w = *state;

	for (int kind = 0; kind < 12; kind++) {
		struct connection_config *c;
		const int killed = kind & 1;

		world_again(w, (uint64_t)kind);
		w->latency_ms = 20;
		world_configure_both(w, START_INITIATE);
		world_run(w, 500);
		assert_true(world_is_up(w));
		world_restart(w, killed);
		assert_true(world_run_under_traffic(w, 1000));
		c = world_connection(w, killed);
		c->start = starts[kind / 4];
		c->remote_bits = kind & 2 ? 24 : 32;
		world_configure(w, killed, c);
		assert_true(world_run_under_traffic(w, 6000));
		assert_true(world_is_up(w));
		for (int i = 0; i < 4; i++)
			assert_int_equal(world_sa_count(w, i & 1, i & 2), 1);
	}
}

/* The peer is faster: what is wanted is there already. */
static void are_replaced_by_the_peer(void **state)
{
	struct world *w = *state;

	w->hosts[0].orphans_ms = HOUR_MS;
	w->filter = world_drop_all;
	world_configure(w, 1, world_connection(w, 1));
	configure(w, START_RESPOND, 24);
	world_run(w, 100);
	w->filter = NULL;
	world_initiate(w, 1);
	world_run(w, 6000);
	assert_false(w->hosts[0].orphans_ms);
	world_run(w, 60000);
	assert_true(world_is_up(w));
}

/* It is tried again and again while they live. Then they go, and the first packet is a trap as ever. */
static void end_in_their_time(void **state)
{
	struct world *w = *state;

	for (int kind = 0; kind < 6; kind++) {
		world_again(w, (uint64_t)kind);
		world_configure(w, 1, world_connection(w, 1));
		w->filter = world_drop_all;
		w->hosts[0].orphans_ms = 300000;
		configure(w, starts[kind / 2], kind & 1 ? 24 : 32);
		world_run(w, 299000);
		assert_true(w->hosts[0].orphans_ms);
		/* 23.5 s each, and a pause between them. */
		assert_true(w->sent >= 4 * 6);
		world_run(w, 2000);
		assert_false(w->hosts[0].orphans_ms);
		assert_true(world_logged(w, 0, "have come to their end"));
		world_run(w, 60000);
		if (starts[kind / 2] == START_INITIATE)
			continue;
		w->sent = 0;
		world_run(w, 200000);
		assert_int_equal(w->sent, 0);
		w->filter = NULL;
		engine_acquire(w->hosts[0].engine, w->hosts[0].addr, w->hosts[1].addr, 1, 0, 0);
		world_run(w, 500);
		assert_int_equal(world_talks(w), starts[kind / 2] != START_RESPOND);
	}
}

/* Without a limit of their own too. */
static void end_after_an_hour(void **state)
{
	struct world *w = *state;

	w->filter = world_drop_all;
	w->hosts[0].orphans_ms = UINT64_MAX;
	configure(w, START_TRAP, 32);
	world_run(w, HOUR_MS - 1000);
	assert_true(w->hosts[0].orphans_ms);
	world_run(w, 2000);
	assert_false(w->hosts[0].orphans_ms);
}

/* A peer that comes back in time is found. */
static void peer_comes_back(void **state)
{
	struct world *w = *state;

	world_configure(w, 1, world_connection(w, 1));
	w->filter = world_drop_all;
	w->hosts[0].orphans_ms = HOUR_MS;
	configure(w, START_TRAP, 24);
	world_run(w, 200000);
	w->filter = NULL;
	world_run(w, 70000);
	assert_true(world_is_up(w));
	assert_false(w->hosts[0].orphans_ms);
}

/* Of a connection that the file does not have any more, or that is taken down. */
static void of_nobody_go_at_once(void **state)
{
	struct world *w = *state;
	struct connection_config *c = world_connection(w, 0);

	w->hosts[0].orphans_ms = HOUR_MS;
	c->remote[0] = 198;
	world_configure(w, 0, c);
	assert_false(w->hosts[0].orphans_ms);
	world_again(w, 0);
	w->filter = world_drop_all;
	w->hosts[0].orphans_ms = HOUR_MS;
	configure(w, START_TRAP, 32);
	world_run(w, 100);
	assert_true(w->hosts[0].orphans_ms);
	world_terminate(w, 0);
	assert_false(w->hosts[0].orphans_ms);
	world_run(w, 100000);
	w->sent = 0;
	world_run(w, 100000);
	assert_int_equal(w->sent, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(are_replaced),	    TEST(traffic_does_not_notice), TEST(are_replaced_by_the_peer),
		TEST(end_in_their_time),    TEST(end_after_an_hour),	   TEST(peer_comes_back),
		TEST(of_nobody_go_at_once),
	};

	return cmocka_run_group_tests_name("IKE orphans", tests, NULL, NULL);
}
