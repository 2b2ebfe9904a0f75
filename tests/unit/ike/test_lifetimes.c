/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who is gone is nobody's any more, and an order outlives what it was given for: connections, peers, IKE SAs and
 * children that end in the midst of an exchange, across connections. Meant for the sanitized build.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "inside.h"
#include "tap.h"

static const struct selector udp = {SELECTOR_ANY_PORT, .proto = 17}, to_bgp = {0, 65535, 179, 179, 6},
			     from_bgp = {179, 179, 0, 65535, 6};

static struct tap tap;

static struct connection_config *connection(struct world *w, int host, const char *name, enum start_mode start,
					    const struct selector *selectors, unsigned count)
{
	struct connection_config *c = world_connection(w, host);

	strcpy(c->name, name);
	strcpy((char *)c->digest, name);
	memcpy(c->selectors, selectors, count * sizeof(*selectors));
	c->selector_count = count;
	c->start = start;
	return c;
}

static void configure(struct world *w, int host, struct connection_config *a, struct connection_config *b)
{
	struct ike_config config = {.connections = calloc(2, sizeof(a)), .count = !!a + !!b};

	config.connections[0] = a ? a : b;
	config.connections[1] = b;
	engine_configure(w->hosts[host].engine, &config);
}

/* Host 0 has one connection for both selectors, host 1 one for each: "bgp" has the IKE SA, "udp" a child on it. */
static void up_one_to_two(struct world *w)
{
	configure(w, 1, connection(w, 1, "udp", START_RESPOND, &udp, 1),
		  connection(w, 1, "bgp", START_RESPOND, &from_bgp, 1));
	configure(w, 0, connection(w, 0, "one", START_TRAP, (struct selector[]){to_bgp, udp}, 2), NULL);
	engine_initiate(w->hosts[0].engine, "one", NULL, 1);
	world_run(w, 500);
	assert_int_equal(world_child_count(w, 1), 2);
	assert_int_equal(world_ike_count(w, 1), 1);
}

static struct peer *peer_named(struct world *w, int host, const char *name)
{
	struct connection *c;

	TAILQ_FOREACH(c, &w->hosts[host].engine->connections, of_engine)
		if (strcmp(c->config->name, name) == 0)
			return TAILQ_FIRST(&c->peers);
	return NULL;
}

static struct child *child_named(struct world *w, int host, const char *name)
{
	struct peer *p = peer_named(w, host, name);

	return p ? peer_child_up(p, NULL) : NULL;
}

/* ---- links across connections ---- */

struct swap {
	uint32_t spi; /* named in REKEY_SA instead of the true one; in host order */
	unsigned done;
	uint16_t error; /* that it was answered with */
};

static enum fate rekey_another(struct world *w, struct world_packet *p, void *arg)
{
	struct swap *swap = arg;
	static struct sealed s;
	int at;

	if (!sealed_open(w, p, &s) || s.header.exchange != EXCHANGE_CREATE_CHILD_SA)
		return PASS;
	if (s.header.flags & FLAG_RESPONSE) {
		at = sealed_find(&s, PAYLOAD_NOTIFY, 0);
		if (at >= 0 && get_u16(s.data + at + 6) <= NOTIFY_ERROR_MAX && !swap->error)
			swap->error = get_u16(s.data + at + 6);
		return PASS;
	}
	at = sealed_notify(&s, REKEY_SA);
	if (at < 0 || p->to != 1 || swap->done++)
		return PASS;
	put_u16(s.data + at + 8, swap->spi >> 16);
	put_u16(s.data + at + 10, swap->spi);
	sealed_put(w, p, &s);
	return PASS;
}

/*
 * REKEY_SA names the child of one connection, the traffic selectors are another's: no child of the second becomes heir
 * of the first. collides: we rekey the first at the same time.
 */
static void rekey_for_another_connection(void **state)
{
	for (int collides = 0; collides < 2; collides++) {
		struct swap swap = {0};
		struct world *w = *state;
		struct child *c;

		world_again(w, 0);
		up_one_to_two(w);
		/* What the peer calls it: its inbound SPI is our outbound one. */
		swap.spi = child_named(w, 1, "bgp")->out.spi;
		w->filter = rekey_another;
		w->filter_arg = &swap;
		TAILQ_FOREACH(c, &inside_peer(w, 0)->children, of_peer)
			if (selector_equal(&c->selector, &udp))
				break;
		assert_non_null(c);
		child_queue(c, TASK_REKEY_CHILD);
		if (collides)
			engine_rekey(w->hosts[1].engine, "bgp", NULL, false, 5);
		world_run(w, 5);
		assert_int_equal(swap.done, 1);
		w->filter = NULL;
		/* The heir, if it is one, ends and is forgotten; then the old one is to hand over to it. */
		engine_terminate(w->hosts[1].engine, "udp", NULL, 5);
		world_run(w, 10000);
		engine_terminate(w->hosts[1].engine, "bgp", NULL, 6);
		world_run(w, 10000);
		assert_int_equal(swap.error, TS_UNACCEPTABLE);
	}
}

/* ---- who is freed while somebody still has to do with it ---- */

/* The peer has lost a child, and says so when its connection is not in the file any more. */
static void lost_child_of_a_connection_that_is_gone(void **state)
{
	struct world *w = *state;
	struct child *c;

	up_one_to_two(w);
	TAILQ_FOREACH(c, &inside_peer(w, 0)->children, of_peer)
		if (selector_equal(&c->selector, &udp))
			break;
	assert_non_null(c);
	tap_start(&tap, w);
	tap.hold[1] = 1;
	child_drop(c);
	engine_rekey(w->hosts[1].engine, "udp", NULL, false, 5);
	world_run(w, 5);
	assert_int_equal(tap_count(&tap, 0, EXCHANGE_CREATE_CHILD_SA, true, CHILD_SA_NOT_FOUND), 1);
	configure(w, 1, NULL, connection(w, 1, "bgp", START_RESPOND, &from_bgp, 1));
	tap_release(&tap, w, 1);
	world_run(w, 5000);
	assert_null(peer_named(w, 1, "udp"));
	assert_non_null(child_named(w, 1, "bgp"));
}

/* ---- orders ---- */

/* What ends an order on this side or the other: the answer comes after the order, or before it is read. */
static void assert_ends(struct world *w, int host)
{
	world_run(w, 5000);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(world_ike_count(w, i), 0);
		assert_int_equal(world_child_count(w, i), 0);
		assert_int_equal(world_sa_count(w, i, true), 0);
	}
	(void)host;
}

static void up_and_rekeying(struct world *w, bool ike, int terminates)
{
	struct connection_config *first = world_connection(w, 0);

	world_configure(w, 1, world_connection(w, 1));
	first->start = START_TRAP;
	world_configure(w, 0, first);
	world_initiate(w, 0);
	world_run(w, 200);
	assert_true(world_is_up(w));
	tap_start(&tap, w);
	tap.hold[terminates] = 1;
	world_rekey(w, terminates, ike);
	world_run(w, 5);
	assert_int_equal(tap_count(&tap, !terminates, EXCHANGE_CREATE_CHILD_SA, true, 0), 1);
}

static void terminate_while_it_is_rekeyed(void **state)
{
	for (int i = 0; i < 4; i++) {
		const int host = i & 1;
		struct world *w = *state;

		world_again(w, 0);
		up_and_rekeying(w, i & 2, host);
		w->hosts[host].done_count = 0;
		world_terminate(w, host);
		tap_release(&tap, w, host);
		assert_ends(w, host);
		/* The rekey and the end of it all. */
		assert_int_equal(w->hosts[host].done_count, 2);
		assert_int_equal(w->hosts[host].done_ticket, 8);
		assert_string_equal(w->hosts[host].done_error, "");
	}
}

static void reload_while_it_is_rekeyed(void **state)
{
	for (int i = 0; i < 4; i++) {
		const int host = i & 1;
		struct world *w = *state;

		world_again(w, 0);
		up_and_rekeying(w, i & 2, host);
		configure(w, host, NULL, NULL);
		tap_release(&tap, w, host);
		assert_ends(w, host);
		assert_true(TAILQ_EMPTY(&w->hosts[host].engine->connections));
	}
}

/* Both rekey it, and one is told to end it: whichever of the two new ones is left goes too. */
static void terminate_in_a_collision(void **state)
{
	for (int i = 0; i < 16; i++) {
		const int host = i & 1;
		struct world *w = *state;

		world_again(w, (uint64_t)i);
		world_configure_both(w, START_TRAP);
		world_initiate(w, 0);
		world_run(w, 200);
		world_rekey(w, 0, i & 2);
		world_rekey(w, 1, i & 2);
		world_run(w, 1);
		world_terminate(w, host);
		assert_ends(w, host);
		assert_string_equal(w->hosts[host].done_error, "");
		assert_int_equal(w->hosts[host].done_ticket, 8);
	}
}

/* One of two connections on an IKE SA that is being rekeyed is taken down: it ends, and the other goes on. */
static void terminate_one_of_two_while_rekeyed(void **state)
{
	static const char *const names[] = {"bgp", "udp"};

	for (int i = 0; i < 4; i++) {
		const char *ends = names[i & 1], *stays = names[!(i & 1)];
		struct world *w = *state;

		world_again(w, 0);
		up_one_to_two(w);
		tap_start(&tap, w);
		tap.hold[1] = 1;
		engine_rekey(w->hosts[1].engine, i & 2 ? "bgp" : ends, NULL, i & 2, 5);
		world_run(w, 5);
		if (i < 2)
			configure(w, 1, connection(w, 1, stays, START_RESPOND, i & 1 ? &from_bgp : &udp, 1), NULL);
		else
			engine_terminate(w->hosts[1].engine, ends, NULL, 6);
		tap_release(&tap, w, 1);
		world_run(w, 8000);
		assert_null(child_named(w, 1, ends));
		assert_non_null(child_named(w, 1, stays));
		assert_int_equal(world_sa_count(w, 1, true), 1);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rekey_for_another_connection),  TEST(lost_child_of_a_connection_that_is_gone),
		TEST(terminate_while_it_is_rekeyed), TEST(reload_while_it_is_rekeyed),
		TEST(terminate_in_a_collision),	     TEST(terminate_one_of_two_while_rekeyed),
	};

	return cmocka_run_group_tests_name("IKE lifetimes", tests, NULL, NULL);
}
