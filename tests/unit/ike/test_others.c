/* SPDX-License-Identifier: BSD-2-Clause */
/* What other implementations do otherwise: no PFS for children, an end without a word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "inside.h"
#include "sealed.h"

static const struct selector tcp = {SELECTOR_ANY_PORT, .proto = 6}, udp = {SELECTOR_ANY_PORT, .proto = 17};

/* ---- no PFS for children ---- */

/* Host 1 refuses a key exchange for children, and asks for none: it is taken out of what comes and what goes. */
static enum fate no_pfs_at_host_1(struct world *w, struct world_packet *p, void *arg)
{
	static struct sealed s;
	int ke;

	(void)arg;
	/* It is an engine like ours, and would make a new IKE SA, too. */
	if (p->to == 0 && header_parse(p->data, p->size, &s.header) && s.header.exchange == EXCHANGE_IKE_SA_INIT &&
	    !(s.header.flags & FLAG_RESPONSE))
		return DROP;
	if (!sealed_open(w, p, &s) || s.header.exchange != EXCHANGE_CREATE_CHILD_SA || s.header.flags & FLAG_RESPONSE ||
	    sealed_find(&s, PAYLOAD_TSI, 0) < 0)
		return PASS;
	ke = sealed_find(&s, PAYLOAD_KE, 0);
	if (ke >= 0)
		sealed_cut(&s, ke);
	sealed_put(w, p, &s);
	return PASS;
}

static void up_without_pfs(struct world *w, unsigned selectors, int rekeys)
{
	for (int host = 1; host >= 0; host--) {
		struct connection_config *c = world_connection(w, host);

		c->selectors[0] = selectors > 1 ? tcp : c->selectors[0];
		c->selectors[1] = udp;
		c->selector_count = selectors;
		c->start = host ? START_RESPOND : START_INITIATE;
		/* Of those that refuse each other one alone begins. */
		c->rekey_ms = host == rekeys ? 60000 : 0;
		c->lifetime_ms = 90000;
		world_configure(w, host, c);
	}
	w->filter = no_pfs_at_host_1;
	world_run(w, 5000);
}

static bool is_up_once(struct world *w)
{
	return world_ike_count(w, 0) == 1 && world_child_count(w, 0) == 1 && world_sa_count(w, 0, true) == 1 &&
	       world_talks(w);
}

/* A new IKE SA for each rekey, before the lifetime ends: nothing is lost, nothing is left. */
static void rekey_without_pfs(void **state)
{
	struct world *w = *state;
	uint32_t before;

	up_without_pfs(w, 1, 0);
	assert_true(is_up_once(w));
	before = world_bound(w, 0)->spec.spi;
	for (int i = 0; i < 3; i++) {
		assert_true(world_run_under_traffic(w, 70000));
		assert_int_not_equal(world_bound(w, 0)->spec.spi, before);
		before = world_bound(w, 0)->spec.spi;
		assert_true(is_up_once(w));
	}
	assert_true(world_logged(w, 0, "a new IKE SA is made"));
	/* By order too. */
	w->hosts[0].done_count = 0;
	world_rekey(w, 0, false);
	assert_true(world_run_under_traffic(w, 5000));
	assert_int_equal(w->hosts[0].done_count, 1);
	assert_string_equal(w->hosts[0].done_error, "");
	assert_int_not_equal(world_bound(w, 0)->spec.spi, before);
}

/* The peer begins, without a key exchange: refused, and made anew by us. */
static void rekey_by_who_has_no_pfs(void **state)
{
	struct world *w = *state;

	up_without_pfs(w, 1, 1);
	assert_true(is_up_once(w));
	for (int i = 0; i < 3; i++) {
		assert_true(world_run_under_traffic(w, 80000));
		assert_true(is_up_once(w));
	}
	assert_true(world_logged(w, 0, "a new IKE SA is made"));
}

static struct world_sa *bound_for(struct world *w, int host, const struct selector *s)
{
	for (unsigned i = 0; i < WORLD_SAS; i++)
		if (w->hosts[host].sas[i].used && w->hosts[host].sas[i].bound &&
		    selector_equal(&w->hosts[host].sas[i].spec.selector, s))
			return &w->hosts[host].sas[i];
	return NULL;
}

/* Each child gets an IKE SA of its own. */
static void several_children_without_pfs(void **state)
{
	struct world *w = *state;

	up_without_pfs(w, 2, 0);
	for (int i = 0; i < 60; i++) {
		assert_non_null(world_partner(w, 0, bound_for(w, 0, &tcp)));
		assert_non_null(world_partner(w, 0, bound_for(w, 0, &udp)));
		assert_non_null(world_partner(w, 1, bound_for(w, 1, &tcp)));
		assert_non_null(world_partner(w, 1, bound_for(w, 1, &udp)));
		world_run(w, 5000);
	}
	for (int host = 0; host < 2; host++) {
		assert_in_range(world_ike_count(w, host), 2, 3);
		assert_in_range(world_child_count(w, host), 2, 3);
	}
}

/* Each child moves to an IKE SA of its own. */
static void proven_anew_without_pfs(void **state)
{
	struct world *w = *state;
	struct connection_config *c;
	const struct ike_sa *sa;

	up_without_pfs(w, 2, 2);
	c = inside_peer(w, 0)->connection->config;
	c->reauth_ms = 120000;
	c->lifetime_ms = 0;
	inside_peer(w, 1)->connection->config->lifetime_ms = 0;
	engine_terminate(w->hosts[0].engine, "c0", NULL, 1);
	world_run(w, 2000);
	engine_initiate(w->hosts[0].engine, "c0", NULL, 2);
	world_run(w, 5000);
	w->hosts[0].log_size = 0;
	for (int i = 0; i < 8 * 60 * 20; i++) {
		world_run(w, 50);
		for (int host = 0; host < 2; host++)
			for (int k = 0; k < 2; k++) {
				struct world_sa *out = bound_for(w, host, k ? &udp : &tcp);

				assert_non_null(out);
				assert_non_null(world_partner(w, host, out));
			}
	}
	assert_true(world_logged(w, 0, "to prove itself anew: reauth-time has passed"));
	assert_false(world_logged(w, 0, "ended: the peer"));
	assert_int_equal(world_child_count(w, 0), 2);
	assert_true(world_ike_count(w, 0) <= 2);
	TAILQ_FOREACH(sa, &inside_peer(w, 0)->sas, of_peer)
		assert_true(sa->state != IKE_UP || w->now_ms - sa->proven->made_ms < 150000);
}

/* ---- an end without a word ---- */

static void acquire(struct world *w, int host)
{
	engine_acquire(w->hosts[host].engine, w->hosts[host].addr, w->hosts[!host].addr, 1, 0, 0);
}

static void kill_host_1(struct world *w)
{
	struct world_host *h = &w->hosts[1];
	const struct engine_ops ops = ((const struct engine *)h->engine)->ops;

	engine_free(h->engine, false);
	memset(h->sas, 0, sizeof(h->sas));
	h->engine = engine_new(&ops);
}

static void up_with_dpd(struct world *w, enum start_mode start, uint64_t dpd_ms)
{
	struct connection_config *c = world_connection(w, 0);

	c->start = start;
	c->dpd_ms = dpd_ms;
	world_configure(w, 1, world_connection(w, 1));
	world_configure(w, 0, c);
	acquire(w, 0);
	world_run(w, 1000);
	assert_true(world_is_up(w));
}

/* Host 0 goes on sending, whether it is heard or not. Until it is answered; returns after how long. */
static uint64_t send_until_heard(struct world *w, uint64_t most)
{
	const uint64_t begun = w->now_ms;

	for (;;) {
		struct world_sa *out = world_bound(w, 0);

		if (world_partner(w, 0, out) && world_send_traffic(w, 1))
			break;
		if (w->now_ms - begun > most)
			return UINT64_MAX;
		if (out)
			out->packets++;
		else
			acquire(w, 0);
		world_run(w, 20);
	}
	return w->now_ms - begun;
}

/* Killed, and back after 2 s with nothing. */
static void back_after_two_seconds(void **state)
{
	for (unsigned seed = 0; seed < 20; seed++) {
		struct world *w = *state;
		const enum start_mode start = seed & 1 ? START_TRAP : START_INITIATE;

		world_again(w, seed);
		up_with_dpd(w, start, 3000);
		assert_true(world_run_under_traffic(w, 1000 + 137 * seed));
		kill_host_1(w);
		w->filter = world_drop_all;
		assert_int_equal(send_until_heard(w, 2000), UINT64_MAX);
		w->filter = NULL;
		world_configure(w, 1, world_connection(w, 1));
		assert_in_range(send_until_heard(w, 10000), 0, 3000);
		world_run(w, 30000);
		assert_true(world_is_up(w));
		assert_int_equal(world_sa_count(w, 0, true), 1);
	}
}

/* It is there, and its configuration is not: who asks is refused. */
static void back_without_its_configuration(void **state)
{
	for (unsigned seed = 0; seed < 20; seed++) {
		struct world *w = *state;

		world_again(w, seed);
		up_with_dpd(w, seed & 1 ? START_TRAP : START_INITIATE, 3000);
		assert_true(world_run_under_traffic(w, 1000 + 137 * seed));
		kill_host_1(w);
		assert_int_equal(send_until_heard(w, 3000), UINT64_MAX);
		world_configure(w, 1, world_connection(w, 1));
		assert_in_range(send_until_heard(w, 10000), 0, 2000);
		world_run(w, 30000);
		assert_true(world_is_up(w));
	}
}

/* A link that is down for ten seconds: what was up is up, whichever of the two IKE SAs it is by. */
static void a_link_that_flaps(void **state)
{
	for (unsigned seed = 0; seed < 10; seed++) {
		struct world *w = *state;

		world_again(w, seed);
		up_with_dpd(w, START_INITIATE, 3000);
		w->filter = world_drop_all;
		for (unsigned i = 0; i < 100 + 3 * seed; i++) {
			world_bound(w, 0)->packets++;
			world_run(w, 100);
		}
		w->filter = NULL;
		assert_in_range(send_until_heard(w, 10000), 0, 9000);
		world_run(w, 40000);
		assert_true(world_is_up(w));
		assert_int_equal(world_sa_count(w, 1, true), 1);
	}
}

/* One way is traffic, too: one question in an interval, as if there were none. */
static void one_way_traffic_asks_no_more(void **state)
{
	struct world *w = *state;
	unsigned sent;

	up_with_dpd(w, START_INITIATE, 3000);
	sent = w->sent;
	for (unsigned i = 0; i < 600; i++) {
		world_bound(w, 0)->packets++;
		world_run(w, 100);
	}
	/* Host 1 asks by its own interval of ten seconds, if it hears nothing. */
	assert_in_range(w->sent - sent, 2 * 15, 2 * (20 + 6));
	assert_int_equal(world_ike_count(w, 0), 1);
}

/* ESP that nobody has an SA for: the peer is asked at once whether it is there, and once, however much comes. */
static void unknown_spis_ask_once(void **state)
{
	const uint8_t *local, *remote;
	struct world *w = *state;
	unsigned sent;

	up_with_dpd(w, START_INITIATE, 60000);
	local = w->hosts[0].addr;
	remote = w->hosts[1].addr;
	/* It was heard just now. */
	assert_true(world_talks(w));
	sent = w->sent;
	engine_unknown_spi(w->hosts[0].engine, local, remote, 0x12345678);
	world_run(w, 100);
	assert_int_equal(w->sent, sent);
	for (unsigned minute = 1; minute <= 2; minute++) {
		world_run(w, 2000);
		sent = w->sent;
		for (uint32_t i = 0; i < 500; i++) {
			engine_unknown_spi(w->hosts[0].engine, local, remote, 0x12345678 + i);
			world_run(w, 10);
			if (i == 0)
				assert_int_equal(w->sent, sent + 2);
		}
		assert_int_equal(w->sent, sent + 2);
		for (unsigned i = 0; i < 11; i++) {
			world_run(w, 5000);
			assert_true(world_talks(w));
		}
	}
	/* It is there no more. */
	world_run(w, 2000);
	kill_host_1(w);
	world_configure(w, 1, world_connection(w, 1));
	engine_unknown_spi(w->hosts[0].engine, local, remote, 0x12345678);
	world_run(w, 3000);
	assert_true(world_is_up(w));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rekey_without_pfs),       TEST(rekey_by_who_has_no_pfs),	   TEST(several_children_without_pfs),
		TEST(proven_anew_without_pfs), TEST(back_after_two_seconds),	   TEST(back_without_its_configuration),
		TEST(a_link_that_flaps),       TEST(one_way_traffic_asks_no_more), TEST(unknown_spis_ask_once),
	};

	return cmocka_run_group_tests_name("IKE with others", tests, NULL, NULL);
}
