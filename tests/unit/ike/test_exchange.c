/* SPDX-License-Identifier: BSD-2-Clause */
/* Two engines: the happy paths, a peer that is gone, and who is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/message.h"
#include "world.h"

/* IKE_SA_INIT, IKE_AUTH */
static void initiates(void **state)
{
	struct world *w = *state;

	world_configure_both(w, START_INITIATE);
	world_run(w, 200);
	assert_true(world_is_up(w));
	assert_int_equal(w->sent, 4);
}

static void traps(void **state)
{
	struct world *w = *state;

	world_configure_both(w, START_TRAP);
	world_run(w, 5000);
	assert_int_equal(w->sent, 0);
	engine_acquire(w->hosts[0].engine, w->hosts[0].addr, w->hosts[1].addr, 1, 0, 0);
	world_run(w, 200);
	assert_true(world_is_up(w));
}

/* Who is to respond does not begin. */
static void does_not_trap(void **state)
{
	struct world *w = *state;

	world_configure_both(w, START_RESPOND);
	engine_acquire(w->hosts[0].engine, w->hosts[0].addr, w->hosts[1].addr, 1, 0, 0);
	world_run(w, 5000);
	assert_int_equal(w->sent, 0);
}

static void run_until_bound(struct world *w, int host)
{
	for (unsigned ms = 0; ms < 1000 && !world_bound(w, host); ms++)
		world_run(w, 1);
	assert_non_null(world_bound(w, host));
}

/* The first packet of the initiator, sent as soon as it can be, gets its reply. */
static void responder_sends_once_it_has_answered(void **state)
{
	struct world *w = *state;

	world_configure_both(w, START_TRAP);
	world_initiate(w, 0);
	run_until_bound(w, 0);
	assert_int_equal(w->hosts[0].done_count, 1);
	assert_true(world_talks(w));
}

/* While another SA carries the same it waits for what comes, 60 ms at most: the initiator may not have installed its
 * half yet. */
static void responder_waits_while_another_carries(void **state)
{
	struct world *w = *state;
	uint32_t before;

	world_configure_both(w, START_TRAP);
	world_initiate(w, 0);
	world_run(w, 200);
	before = world_bound(w, 1)->spec.spi;
	world_restart(w, 0);
	world_configure(w, 0, world_connection(w, 0));
	world_initiate(w, 0);
	world_run(w, 50);
	assert_int_equal(world_child_count(w, 0), 1);
	assert_int_equal(world_bound(w, 1)->spec.spi, before);
	world_run(w, 50);
	assert_int_not_equal(world_bound(w, 1)->spec.spi, before);
	assert_true(world_talks(w));
}

/* The last answers of what ended are kept for half a minute, and keep nobody out. */
static void comes_and_goes_in_haste(void **state)
{
	struct world *w = *state;

	world_configure_both(w, START_TRAP);
	for (unsigned i = 1; i <= 20; i++) {
		world_initiate(w, 0);
		world_run(w, 200);
		assert_int_equal(w->hosts[0].done_count, 2 * i - 1);
		assert_string_equal(w->hosts[0].done_error, "");
		assert_true(world_is_up(w));
		world_terminate(w, 0);
		world_run(w, 200);
		assert_int_equal(w->hosts[0].done_count, 2 * i);
	}
}

static void is_ordered_up_and_down(void **state)
{
	struct world *w = *state;

	world_configure_both(w, START_TRAP);
	world_initiate(w, 0);
	world_run(w, 200);
	assert_int_equal(w->hosts[0].done_ticket, 7);
	assert_string_equal(w->hosts[0].done_error, "");
	assert_true(world_is_up(w));
	world_terminate(w, 1);
	world_run(w, 5000);
	assert_int_equal(w->hosts[1].done_count, 1);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(world_ike_count(w, i), 0);
		assert_int_equal(world_sa_count(w, i, true), 0);
		assert_int_equal(world_sa_count(w, i, false), 0);
	}
}

static void rekeys_child(void **state)
{
	struct world *w = *state;

	world_configure_both(w, START_INITIATE);
	world_run(w, 200);
	for (int i = 0; i < 10; i++) {
		const uint32_t before = world_bound(w, 0)->spec.spi;

		world_rekey(w, i & 1, false);
		assert_true(world_run_under_traffic(w, 4000));
		assert_int_not_equal(world_bound(w, 0)->spec.spi, before);
		assert_true(world_is_up(w));
		assert_int_equal(world_sa_count(w, 0, true), 1);
		assert_int_equal(world_sa_count(w, 1, false), 1);
	}
}

/* What is bound is not among the n of seen, or is the last of them. How many there are now. */
static unsigned see_bound(struct world *w, uint32_t *seen, unsigned n)
{
	const uint32_t spi = world_bound(w, 0)->spec.spi;

	if (n && seen[n - 1] == spi)
		return n;
	for (unsigned i = 0; i < n; i++)
		assert_int_not_equal(seen[i], spi);
	seen[n] = spi;
	return n + 1;
}

/* The next order is there before the one before has had its DELETE: never does an older child carry again. */
static void rekeys_child_in_haste(void **state)
{
	struct world *w = *state;
	uint32_t seen[16];
	unsigned n = 0;

	world_configure_both(w, START_INITIATE);
	world_run(w, 200);
	for (int ms = 0; ms < 3000; ms += 10) {
		n = see_bound(w, seen, n);
		if (ms < 200 && ms % 50 == 0)
			world_rekey(w, 0, false);
		assert_true(world_run_under_traffic(w, 10));
	}
	/* The first one, that of the first order, and one for all orders that came while it was taking over. */
	assert_int_equal(n, 3);
	assert_true(world_is_up(w));
	assert_int_equal(w->hosts[0].done_count, 4);
	assert_string_equal(w->hosts[0].done_error, "");
}

static enum fate answer_rekey_late(struct world *w, struct world_packet *p, void *arg)
{
	struct ike_header h;

	(void)arg;
	if (p->to == 0 || !header_parse(p->data, p->size, &h) || h.exchange != EXCHANGE_CREATE_CHILD_SA ||
	    !(h.flags & FLAG_RESPONSE))
		return PASS;
	world_inject(w, p, 400);
	return DROP;
}

/* 0 rekeys, 1 rekeys what came of it, and has not heard the answer when the DELETE of the first one is through. */
static void rekeys_child_in_turn(void **state)
{
	struct world *w = *state;

	world_configure_both(w, START_INITIATE);
	world_run(w, 200);
	world_rekey(w, 0, false);
	assert_true(world_run_under_traffic(w, 100));
	w->filter = answer_rekey_late;
	world_rekey(w, 1, false);
	assert_true(world_run_under_traffic(w, 5000));
	assert_true(world_is_up(w));
}

static void rekeys_ike(void **state)
{
	struct world *w = *state;

	world_configure_both(w, START_INITIATE);
	world_run(w, 200);
	for (int i = 0; i < 10; i++) {
		world_rekey(w, i & 1, true);
		assert_true(world_run_under_traffic(w, 1000));
		assert_true(world_is_up(w));
		world_rekey(w, i & 1, false);
		assert_true(world_run_under_traffic(w, 4000));
		assert_true(world_is_up(w));
	}
}

/* What that host sends, the other one opens, or holds until it has the key. */
static bool can_be_taken(struct world *w, int host)
{
	const struct world_sa *out = world_bound(w, host);

	return !out || world_partner(w, host, out) || world_reserved(w, !host, out->spec.spi);
}

/* Over a long line: nobody sends before the other can take it. */
static void is_sent_when_it_can_be_taken(void **state)
{
	struct world *w = *state;

	w->latency_ms = 20;
	world_configure_both(w, START_INITIATE);
	for (int i = 0; i < 400; i++) {
		for (int host = 0; host < 2; host++)
			assert_true(can_be_taken(w, host));
		world_run(w, 1);
	}
	assert_true(world_is_up(w));
	for (int i = 0; i < 4; i++) {
		world_rekey(w, i & 1, i & 2);
		assert_true(world_run_under_traffic(w, 4000));
		assert_true(world_is_up(w));
	}
}

/* What was replaced stays for what is on its way: its DELETE comes a little later, and then it is still taken for a
 * while. */
static void replaced_stays_for_a_while(void **state)
{
	struct world *w = *state;

	world_configure_both(w, START_INITIATE);
	world_run(w, 200);
	w->sent = 0;
	world_rekey(w, 0, false);
	assert_true(world_run_under_traffic(w, 200));
	assert_int_equal(w->sent, 2);
	assert_true(world_run_under_traffic(w, 300));
	assert_int_equal(w->sent, 4);
	assert_true(world_run_under_traffic(w, 2000));
	for (int i = 0; i < 4; i++)
		assert_int_equal(world_sa_count(w, i & 1, i & 2), 2);
	assert_true(world_run_under_traffic(w, 2000));
	for (int i = 0; i < 4; i++)
		assert_int_equal(world_sa_count(w, i & 1, i & 2), 1);
}

/* The peer has deleted it, and there is no other: nothing leaves by it any more, what is on the wire is still taken. */
static void deleted_carries_nothing(void **state)
{
	struct world *w = *state;

	world_configure_both(w, START_TRAP);
	world_initiate(w, 0);
	world_run(w, 200);
	world_terminate(w, 0);
	world_run(w, 100);
	for (int i = 0; i < 2; i++) {
		assert_null(world_bound(w, i));
		assert_int_equal(world_sa_count(w, i, false), 0);
		assert_int_equal(world_sa_count(w, i, true), 1);
	}
	world_run(w, 5000);
	assert_true(world_is_down(w));
}

static const struct sa_limits *limits_of(struct world *w, int host, bool inbound)
{
	for (unsigned i = 0; i < WORLD_SAS; i++)
		if (w->hosts[host].sas[i].used && w->hosts[host].sas[i].spec.inbound == inbound)
			return &w->hosts[host].sas[i].spec.limits;
	return NULL;
}

/* Of what leaves, each end sees to its own; who made it is the first to rekey. */
static void limits_are_set(void **state)
{
	struct world *w = *state;

	for (int i = 1; i >= 0; i--) {
		struct connection_config *c = world_connection(w, i);

		c->start = i ? START_RESPOND : START_INITIATE;
		c->rekey_packets = 1000;
		c->rekey_bytes = 100000;
		world_configure(w, i, c);
	}
	world_run(w, 200);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(limits_of(w, i, false)->soft_packets, i ? 1100 : 1000);
		assert_int_equal(limits_of(w, i, false)->soft_bytes, i ? 110000 : 100000);
		assert_int_equal(limits_of(w, i, false)->hard_packets, 2000);
		assert_int_equal(limits_of(w, i, false)->hard_bytes, 200000);
		assert_int_equal(limits_of(w, i, false)->hard_ms, 4200000);
		assert_int_equal(limits_of(w, i, true)->hard_ms, 4200000);
		assert_int_equal(limits_of(w, i, true)->soft_packets, 0);
	}
}

/* Never rekeyed: its lifetime is its end. */
static void lifetime_is_the_end(void **state)
{
	struct world *w = *state;

	for (int i = 1; i >= 0; i--) {
		struct connection_config *c = world_connection(w, i);

		c->start = START_TRAP;
		c->rekey_ms = 0;
		c->lifetime_ms = 60000;
		world_configure(w, i, c);
	}
	world_initiate(w, 0);
	world_run(w, 59000);
	assert_true(world_talks(w));
	world_run(w, 6000);
	assert_true(world_logged(w, 0, "could not be rekeyed in its time: deleted") ||
		    world_logged(w, 1, "could not be rekeyed in its time: deleted"));
	assert_int_equal(world_sa_count(w, 0, true) + world_sa_count(w, 1, false), 0);
	assert_int_equal(world_ike_count(w, 0), 1);
}

/* A mesh has this host's own address in it: that is nobody to talk to. */
static void nobody_connects_to_himself(void **state)
{
	struct world *w = *state;
	struct connection_config *c = world_connection(w, 0);

	c->remote_bits = 24;
	c->start = START_TRAP;
	world_configure(w, 0, c);
	engine_acquire(w->hosts[0].engine, w->hosts[0].addr, w->hosts[0].addr, 1, 0, 0);
	world_run(w, 1000);
	assert_int_equal(w->sent, 0);
}

/* Liveness finds out; trap waits for the next packet, and then all is as before. */
static void goes_down_when_peer_is_gone(void **state)
{
	struct world *w = *state;

	world_configure_both(w, START_TRAP);
	world_initiate(w, 0);
	world_run(w, 200);
	assert_true(world_is_up(w));
	w->filter = world_drop_all;
	world_run(w, 60000);
	assert_int_equal(world_ike_count(w, 0), 0);
	assert_int_equal(world_sa_count(w, 0, false), 0);
	assert_true(world_logged(w, 0, "no answer to liveness"));
	w->filter = NULL;
	world_run(w, 5000);
	engine_acquire(w->hosts[0].engine, w->hosts[0].addr, w->hosts[1].addr, 1, 0, 0);
	world_run(w, 200);
	assert_true(world_is_up(w));
}

/* ---- refusals ---- */

/* While its DELETE is on its way to nobody, the time to rekey it comes: that is no failure. */
static void time_to_rekey_while_it_is_deleted(void **state)
{
	struct connection_config *c = world_connection(*state, 0);
	struct world *w = *state;

	c->ike_rekey_ms = 40000;
	world_configure(w, 1, world_connection(w, 1));
	world_configure(w, 0, c);
	world_initiate(w, 0);
	world_run(w, 25000);
	assert_int_equal(world_ike_count(w, 0), 1);
	w->filter = world_drop_all;
	world_terminate(w, 0);
	world_run(w, 30000);
	assert_int_equal(world_ike_count(w, 0), 0);
	assert_false(world_logged(w, 0, "could not be rekeyed"));
}

static void refuses_wrong_psk(void **state)
{
	struct world *w = *state;

	keyring_add(w->hosts[1].ring, 1, KEY_PSK, "another", 7, NULL);
	world_configure_both(w, START_TRAP);
	world_initiate(w, 0);
	world_run(w, 1000);
	assert_int_equal(w->hosts[0].done_count, 1);
	assert_non_null(strstr(w->hosts[0].done_error, "AUTHENTICATION_FAILED"));
	assert_true(world_logged(w, 1, "its PSK is another one"));
	assert_int_equal(world_sa_count(w, 0, true) + world_sa_count(w, 1, true), 0);
	assert_int_equal(world_ike_count(w, 0) + world_ike_count(w, 1), 0);
}

static void refuses_wrong_identity(void **state)
{
	struct world *w = *state;
	struct connection_config *c = world_connection(w, 1);

	strcpy(c->remote_id, "somebody.example");
	world_configure(w, 1, c);
	c = world_connection(w, 0);
	world_configure(w, 0, c);
	world_initiate(w, 0);
	world_run(w, 1000);
	assert_true(world_logged(w, 1, "the peer says it is '192.0.2.1', and remote-id is 'somebody.example'"));
	assert_int_equal(world_sa_count(w, 1, true), 0);
}

static void narrows_and_takes_what_is_left(void **state)
{
	struct world *w = *state;
	struct connection_config *c = world_connection(w, 1);

	c->selectors[0] = (struct selector){179, 179, 0, 65535, 6};
	world_configure(w, 1, c);
	c = world_connection(w, 0);
	c->start = START_INITIATE;
	world_configure(w, 0, c);
	world_run(w, 500);
	assert_true(world_talks(w));
	assert_true(selector_equal(&world_bound(w, 0)->spec.selector, &(struct selector){0, 65535, 179, 179, 6}));
	assert_true(world_logged(w, 0, "narrows"));
}

static void goes_without_esn(void **state)
{
	struct world *w = *state;
	struct connection_config *c = world_connection(w, 1);

	c->esn = ESN_NEVER;
	world_configure(w, 1, c);
	c = world_connection(w, 0);
	c->start = START_INITIATE;
	world_configure(w, 0, c);
	world_run(w, 500);
	assert_true(world_is_up(w));
	assert_false(world_bound(w, 0)->spec.esn);
	/* Numbers end, so new keys come before, of either end. */
	assert_int_equal(limits_of(w, 0, false)->soft_packets, 3ULL << 30);
	assert_true(limits_of(w, 1, false)->soft_packets > 3ULL << 30);
	assert_true(limits_of(w, 1, false)->soft_packets < UINT32_MAX);
}

static void rekeys_by_time(void **state)
{
	struct world *w = *state;
	unsigned spis = 0;
	uint32_t last = 0;

	for (int i = 1; i >= 0; i--) {
		struct connection_config *c = world_connection(w, i);

		c->start = i ? START_RESPOND : START_INITIATE;
		c->rekey_ms = 60000;
		c->lifetime_ms = 80000;
		c->ike_rekey_ms = 100000;
		world_configure(w, i, c);
	}
	world_run(w, 500);
	for (int i = 0; i < 600; i++) {
		assert_true(world_talks(w));
		spis += world_bound(w, 0)->spec.spi != last;
		last = world_bound(w, 0)->spec.spi;
		world_run(w, 1000);
	}
	assert_in_range(spis, 10, 14);
	assert_true(world_is_up(w));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(initiates, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(traps, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(does_not_trap, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(responder_sends_once_it_has_answered, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(responder_waits_while_another_carries, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(comes_and_goes_in_haste, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(is_ordered_up_and_down, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(rekeys_child, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(rekeys_child_in_haste, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(rekeys_child_in_turn, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(rekeys_ike, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(is_sent_when_it_can_be_taken, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(replaced_stays_for_a_while, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(deleted_carries_nothing, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(limits_are_set, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(lifetime_is_the_end, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(nobody_connects_to_himself, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(goes_down_when_peer_is_gone, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(time_to_rekey_while_it_is_deleted, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(refuses_wrong_psk, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(refuses_wrong_identity, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(narrows_and_takes_what_is_left, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(goes_without_esn, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(rekeys_by_time, world_setup, world_teardown),
	};

	return cmocka_run_group_tests_name("IKE exchanges", tests, NULL, NULL);
}
