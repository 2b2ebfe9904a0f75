/* SPDX-License-Identifier: BSD-2-Clause */
/* A restart of ours: SAs of the earlier run are there, and are replaced, or end; by a peer that is one host, or one of
 * a mesh, whoever was to open it, and by the connection that they were for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
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

/* ---- several connections between the two ---- */

enum { TCP = 6, UDP = 17 };

/* Of one protocol; 0: of everything. */
static struct connection_config *connection_for_proto(struct world *w, int host, const char *name, uint32_t proto)
{
	struct connection_config *c = world_connection(w, host);

	snprintf(c->name, sizeof(c->name), "%s", name);
	c->selectors[0].proto = proto;
	c->digest[1] = (uint8_t)name[0];
	return c;
}

static void configure_two(struct world *w, struct connection_config *first, struct connection_config *second)
{
	struct ike_config config = {.connections = calloc(2, sizeof(first)), .count = 2};

	config.connections[0] = first;
	config.connections[1] = second;
	engine_configure(w->hosts[0].engine, &config);
}

/* The host's own connection is first by its prefix, and cannot come up: the peer does not have it. */
static void of_a_mesh_beside_a_host(void **state)
{
	struct world *w = *state;
	struct connection_config *host = connection_for_proto(w, 0, "host", TCP);
	struct connection_config *mesh = connection_for_proto(w, 0, "mesh", UDP);

	host->start = START_INITIATE;
	mesh->remote_bits = 24;
	w->hosts[0].orphans_ms = HOUR_MS;
	w->hosts[0].orphans_for = mesh->selectors[0];
	/* As the peer has left it. */
	w->hosts[0].orphans_for.remote_port_max = 53;
	world_configure(w, 1, connection_for_proto(w, 1, "c1", UDP));
	configure_two(w, host, mesh);
	world_run(w, 500);
	assert_int_equal(world_child_count(w, 0), 1);
	assert_true(world_talks(w));
	assert_true(w->hosts[0].orphans_ms);
	world_run(w, 4000);
	assert_false(w->hosts[0].orphans_ms);
}

/* The other one being up, or taken down, says nothing of the SAs that are not its own. */
static void of_another_connection_stay(void **state)
{
	struct world *w = *state;
	struct connection_config *other = connection_for_proto(w, 0, "c0", UDP);

	other->start = START_INITIATE;
	w->hosts[0].orphans_ms = 300000;
	w->hosts[0].orphans_for = (struct selector){SELECTOR_ANY_PORT, .proto = TCP};
	world_configure(w, 1, connection_for_proto(w, 1, "c1", UDP));
	configure_two(w, other, connection_for_proto(w, 0, "tcp", TCP));
	world_run(w, 60000);
	assert_int_equal(world_child_count(w, 0), 1);
	assert_true(w->hosts[0].orphans_ms);
	world_terminate(w, 0);
	world_run(w, 60000);
	assert_int_equal(world_child_count(w, 0), 0);
	assert_true(w->hosts[0].orphans_ms);
	world_run(w, 190000);
	assert_false(w->hosts[0].orphans_ms);
}

/* They were for the host's own connection, which cannot come up; who brings up the mesh from there has not proven
 * itself for that, and gets nothing of it. */
static void are_not_replaced_without_the_proof(void **state)
{
	struct world *w = *state;
	struct connection_config *host = connection_for_proto(w, 0, "host", 0);
	struct connection_config *mesh = connection_for_proto(w, 0, "mesh", 0);

	snprintf(host->remote_id, sizeof(host->remote_id), "somebody.else");
	host->auth_digest[0] = 1;
	host->psk_key = 2;
	keyring_add(w->hosts[0].ring, 2, KEY_PSK, "another", 7, NULL);
	mesh->remote_bits = 24;
	w->hosts[0].orphans_ms = HOUR_MS;
	world_configure(w, 1, world_connection(w, 1));
	configure_two(w, host, mesh);
	world_run(w, 5000);
	assert_int_equal(world_child_count(w, 0), 0);
	assert_true(w->hosts[0].orphans_ms);
	world_initiate(w, 1);
	world_run(w, 5000);
	assert_true(world_logged(w, 0, "would carry what is connection 'host''s"));
	assert_int_equal(world_child_count(w, 0), 0);
	assert_true(w->hosts[0].orphans_ms);
}

/* There is a connection between the two, and none of its selectors takes what the SAs did: no packet leaves by them. */
static void of_no_selector_go_at_once(void **state)
{
	struct world *w = *state;

	w->hosts[0].orphans_ms = HOUR_MS;
	world_configure(w, 0, connection_for_proto(w, 0, "c0", UDP));
	assert_false(w->hosts[0].orphans_ms);
	world_run(w, 60000);
	assert_int_equal(w->sent, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(are_replaced),
		TEST(traffic_does_not_notice),
		TEST(are_replaced_by_the_peer),
		TEST(end_in_their_time),
		TEST(end_after_an_hour),
		TEST(peer_comes_back),
		TEST(of_nobody_go_at_once),
		TEST(of_a_mesh_beside_a_host),
		TEST(of_another_connection_stay),
		TEST(are_not_replaced_without_the_proof),
		TEST(of_no_selector_go_at_once),
	};

	return cmocka_run_group_tests_name("IKE orphans", tests, NULL, NULL);
}
