/* SPDX-License-Identifier: BSD-2-Clause */
/* Two engines: the happy paths, and what happens to them when the network or the other end does its worst. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "message.h"
#include "world.h"

static int setup(void **state)
{
	struct world *w = malloc(sizeof(*w));

	world_init(w);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	world_free(*state);
	free(*state);
	return 0;
}

static void assert_up(struct world *w)
{
	assert_true(world_talks(w));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(world_ike_count(w, i), 1);
		assert_int_equal(world_child_count(w, i), 1);
	}
}

/* IKE_SA_INIT, IKE_AUTH */
static void initiates(void **state)
{
	struct world *w = *state;

	world_configure_both(w, START_INITIATE);
	world_run(w, 200);
	assert_up(w);
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
	assert_up(w);
}

static void order(struct world *w, int host, void (*fn)(struct engine *, const char *, const uint8_t *, uint64_t))
{
	fn(w->hosts[host].engine, host ? "c1" : "c0", NULL, 7);
}

static void is_ordered_up_and_down(void **state)
{
	struct world *w = *state;

	world_configure_both(w, START_TRAP);
	order(w, 0, engine_initiate);
	world_run(w, 200);
	assert_int_equal(w->hosts[0].done_ticket, 7);
	assert_string_equal(w->hosts[0].done_error, "");
	assert_up(w);
	order(w, 1, engine_terminate);
	world_run(w, 5000);
	assert_int_equal(w->hosts[1].done_count, 1);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(world_ike_count(w, i), 0);
		assert_int_equal(world_sa_count(w, i, true), 0);
		assert_int_equal(world_sa_count(w, i, false), 0);
	}
}

/* Runs on while both send every 5 ms: every packet must be opened. */
static void run_under_traffic(struct world *w, uint64_t ms)
{
	for (uint64_t i = 0; i < ms; i += 5) {
		assert_true(world_send_traffic(w, 0));
		assert_true(world_send_traffic(w, 1));
		world_run(w, 5);
	}
}

static void rekey(struct world *w, int host, bool ike)
{
	engine_rekey(w->hosts[host].engine, host ? "c1" : "c0", NULL, ike, 9);
}

static void rekeys_child(void **state)
{
	struct world *w = *state;

	world_configure_both(w, START_INITIATE);
	world_run(w, 200);
	for (int i = 0; i < 10; i++) {
		const uint32_t before = world_bound(w, 0)->spec.spi;

		rekey(w, i & 1, false);
		run_under_traffic(w, 4000);
		assert_int_not_equal(world_bound(w, 0)->spec.spi, before);
		assert_up(w);
		assert_int_equal(world_sa_count(w, 0, true), 1);
		assert_int_equal(world_sa_count(w, 1, false), 1);
	}
}

/* The next rekey is there before the one before has had its DELETE: never does an older one carry again. */
static void rekeys_child_in_haste(void **state)
{
	struct world *w = *state;
	uint32_t newest = 0;

	world_configure_both(w, START_INITIATE);
	world_run(w, 200);
	for (int i = 0; i < 4; i++) {
		rekey(w, 0, false);
		run_under_traffic(w, 50);
		newest = world_bound(w, 0)->spec.spi;
	}
	for (int ms = 0; ms < 2000; ms += 10) {
		run_under_traffic(w, 10);
		assert_int_equal(world_bound(w, 0)->spec.spi, newest);
	}
	assert_up(w);
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
	rekey(w, 0, false);
	run_under_traffic(w, 100);
	w->filter = answer_rekey_late;
	rekey(w, 1, false);
	run_under_traffic(w, 5000);
	assert_up(w);
}

static void rekeys_ike(void **state)
{
	struct world *w = *state;

	world_configure_both(w, START_INITIATE);
	world_run(w, 200);
	for (int i = 0; i < 10; i++) {
		rekey(w, i & 1, true);
		run_under_traffic(w, 1000);
		assert_up(w);
		rekey(w, i & 1, false);
		run_under_traffic(w, 4000);
		assert_up(w);
	}
}

/* RFC 7296 section 2.8.1, both ways round: the seed decides whose nonce is the lowest. */
static void rekeys_child_at_once(void **state)
{
	struct world *w = *state;

	world_configure_both(w, START_INITIATE);
	world_run(w, 200);
	for (int i = 0; i < 16; i++) {
		rekey(w, 0, false);
		rekey(w, 1, false);
		run_under_traffic(w, 5000);
		assert_up(w);
		assert_int_equal(world_sa_count(w, 0, true), 1);
	}
}

static void rekeys_ike_at_once(void **state)
{
	struct world *w = *state;

	world_configure_both(w, START_INITIATE);
	world_run(w, 200);
	for (int i = 0; i < 16; i++) {
		rekey(w, 0, true);
		rekey(w, 1, true);
		run_under_traffic(w, 1000);
		assert_up(w);
	}
}

/* Section 2.25: one rekeys the child, the other the IKE SA. */
static void rekeys_child_against_ike(void **state)
{
	struct world *w = *state;

	world_configure_both(w, START_INITIATE);
	world_run(w, 200);
	for (int i = 0; i < 8; i++) {
		rekey(w, 0, i & 1);
		rekey(w, 1, !(i & 1));
		run_under_traffic(w, 8000);
		assert_up(w);
	}
}

static void initiates_from_both_ends(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 2; i++) {
		struct connection_config *c = world_connection(w, i);

		c->start = START_INITIATE;
		world_configure(w, i, c);
	}
	world_run(w, 500);
	assert_true(world_talks(w));
	run_under_traffic(w, 8000);
	assert_up(w);
}

static enum fate drop_all(struct world *w, struct world_packet *p, void *arg)
{
	(void)w;
	(void)p;
	(void)arg;
	return DROP;
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

/* Host 0 begins and is not heard; host 1 begins and is; then host 0 is heard too. Whoever's nonce is the lowest. */
static void initiates_from_both_ends_one_late(void **state)
{
	struct world *w = *state;

	for (uint64_t seed = 1; seed <= 12; seed++) {
		struct late l = {.first = 1};

		world_free(w);
		world_init(w);
		w->seed += seed * 0x9e3779b97f4a7c15ULL;
		w->filter = lose_first_of_host_0;
		w->filter_arg = &l;
		for (int i = 0; i < 2; i++) {
			struct connection_config *c = world_connection(w, i);

			c->start = START_INITIATE;
			world_configure(w, i, c);
			world_run(w, 100);
		}
		world_run(w, 3000);
		assert_true(world_talks(w));
		run_under_traffic(w, 8000);
		assert_int_equal(world_ike_count(w, 0), 1);
		assert_int_equal(world_ike_count(w, 1), 1);
	}
}

/*
 * Host 1 rekeys the child and does not hear the answer; host 0 has the new one and is told to rekey it:
 *
 *   1 ─► REKEY_SA(old)         0 makes the new one
 *        (lost)  ◄─ SA, Nr, KEr
 *   REKEY_SA(new) ─► 1         1 knows nothing of it: CHILD_SA_NOT_FOUND. It is not gone, only not there yet.
 */
static void keeps_a_child_that_the_peer_has_yet_to_learn_of(void **state)
{
	struct world *w = *state;
	struct late l = {.first = 1};

	world_configure_both(w, START_INITIATE);
	world_run(w, 200);
	w->filter = lose_first_of_host_0;
	w->filter_arg = &l;
	rekey(w, 1, false);
	run_under_traffic(w, 50);
	assert_int_equal(l.first, 0);
	rekey(w, 0, false);
	run_under_traffic(w, 10000);
	assert_string_equal(w->hosts[0].done_error, "");
	assert_int_equal(w->hosts[0].done_count, 1);
	assert_up(w);
	assert_int_equal(world_sa_count(w, 0, true), 1);
}

/* Liveness finds out; trap waits for the next packet, and then all is as before. */
static void goes_down_when_peer_is_gone(void **state)
{
	struct world *w = *state;

	world_configure_both(w, START_TRAP);
	order(w, 0, engine_initiate);
	world_run(w, 200);
	assert_up(w);
	w->filter = drop_all;
	world_run(w, 60000);
	assert_int_equal(world_ike_count(w, 0), 0);
	assert_int_equal(world_sa_count(w, 0, false), 0);
	assert_true(world_logged(w, 0, "no answer to liveness"));
	w->filter = NULL;
	world_run(w, 5000);
	engine_acquire(w->hosts[0].engine, w->hosts[0].addr, w->hosts[1].addr, 1, 0, 0);
	world_run(w, 200);
	assert_up(w);
}

/* ---- the network ---- */

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

static void survives_each_loss(void **state)
{
	struct world *w = *state;

	for (unsigned n = 1; n <= 14; n++) {
		struct lose l = {.number = n};

		world_free(w);
		world_init(w);
		w->filter = lose_one;
		w->filter_arg = &l;
		world_configure_both(w, START_INITIATE);
		world_run(w, 2000);
		assert_up(w);
		rekey(w, 0, false);
		run_under_traffic(w, 5000);
		rekey(w, 1, true);
		run_under_traffic(w, 5000);
		assert_up(w);
	}
}

static enum fate repeat_all(struct world *w, struct world_packet *p, void *arg)
{
	(void)arg;
	world_inject(w, p, 2);
	world_inject(w, p, 30);
	return PASS;
}

static void survives_repetitions(void **state)
{
	struct world *w = *state;

	w->filter = repeat_all;
	world_configure_both(w, START_INITIATE);
	world_run(w, 2000);
	assert_up(w);
	rekey(w, 0, false);
	run_under_traffic(w, 5000);
	rekey(w, 1, true);
	run_under_traffic(w, 5000);
	assert_up(w);
}

/* Each datagram also comes cut at each byte, before the whole one. */
static enum fate cut_all(struct world *w, struct world_packet *p, void *arg)
{
	(void)arg;
	for (size_t size = 0; size < p->size; size++) {
		engine_receive(w->hosts[p->to].engine, &p->path, p->data, size);
		/* And with a length that fits: the payloads inside are cut. */
		if (size >= 28) {
			uint8_t *copy = malloc(size);

			memcpy(copy, p->data, size);
			copy[24] = copy[25] = 0;
			copy[26] = (uint8_t)(size >> 8);
			copy[27] = (uint8_t)size;
			engine_receive(w->hosts[p->to].engine, &p->path, copy, size);
			free(copy);
		}
	}
	return PASS;
}

static void survives_truncation(void **state)
{
	struct world *w = *state;

	w->filter = cut_all;
	world_configure_both(w, START_INITIATE);
	world_run(w, 2000);
	assert_up(w);
	rekey(w, 1, false);
	world_run(w, 5000);
	rekey(w, 0, true);
	world_run(w, 5000);
	assert_up(w);
}

/* ---- refusals ---- */

static void refuses_wrong_psk(void **state)
{
	struct world *w = *state;

	keyring_add(w->hosts[1].ring, 1, KEY_PSK, "another", 7, NULL);
	world_configure_both(w, START_TRAP);
	order(w, 0, engine_initiate);
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
	order(w, 0, engine_initiate);
	world_run(w, 1000);
	assert_true(world_logged(w, 1, "the peer says it is '192.0.2.1', and remote-id is 'somebody.example'"));
	assert_int_equal(world_sa_count(w, 1, true), 0);
}

static void narrows_and_takes_what_is_left(void **state)
{
	struct world *w = *state;
	struct connection_config *c = world_connection(w, 1);

	c->selectors[0] = (struct selector){.proto = 6, .local_port = 179};
	world_configure(w, 1, c);
	c = world_connection(w, 0);
	c->start = START_INITIATE;
	world_configure(w, 0, c);
	world_run(w, 500);
	assert_true(world_talks(w));
	assert_int_equal(world_bound(w, 0)->spec.selector.proto, 6);
	assert_int_equal(world_bound(w, 0)->spec.selector.remote_port, 179);
	assert_int_equal(world_bound(w, 0)->spec.selector.local_port, 0);
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
	assert_up(w);
	assert_false(world_bound(w, 0)->spec.esn);
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
	assert_up(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(initiates, setup, teardown),
		cmocka_unit_test_setup_teardown(traps, setup, teardown),
		cmocka_unit_test_setup_teardown(is_ordered_up_and_down, setup, teardown),
		cmocka_unit_test_setup_teardown(rekeys_child, setup, teardown),
		cmocka_unit_test_setup_teardown(rekeys_child_in_haste, setup, teardown),
		cmocka_unit_test_setup_teardown(rekeys_child_in_turn, setup, teardown),
		cmocka_unit_test_setup_teardown(rekeys_ike, setup, teardown),
		cmocka_unit_test_setup_teardown(rekeys_child_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(rekeys_ike_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(rekeys_child_against_ike, setup, teardown),
		cmocka_unit_test_setup_teardown(initiates_from_both_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(initiates_from_both_ends_one_late, setup, teardown),
		cmocka_unit_test_setup_teardown(keeps_a_child_that_the_peer_has_yet_to_learn_of, setup, teardown),
		cmocka_unit_test_setup_teardown(goes_down_when_peer_is_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(survives_each_loss, setup, teardown),
		cmocka_unit_test_setup_teardown(survives_repetitions, setup, teardown),
		cmocka_unit_test_setup_teardown(survives_truncation, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_wrong_psk, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_wrong_identity, setup, teardown),
		cmocka_unit_test_setup_teardown(narrows_and_takes_what_is_left, setup, teardown),
		cmocka_unit_test_setup_teardown(goes_without_esn, setup, teardown),
		cmocka_unit_test_setup_teardown(rekeys_by_time, setup, teardown),
	};

	return cmocka_run_group_tests_name("IKE exchanges", tests, NULL, NULL);
}
