/* SPDX-License-Identifier: BSD-2-Clause */
/* Several connections between the same two hosts, told apart by what they protect. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "one_ca.h"
#include "several.h"

/* ---- an IKE SA for each ---- */

static void each_opens_its_own(void **state)
{
	struct world *w = *state;

	configure_three(w, 1, START_RESPOND);
	configure_three(w, 0, START_INITIATE);
	world_run(w, 2000);
	for (int host = 0; host < 2; host++) {
		assert_three(w, host);
		/* None has ended another by INITIAL_CONTACT. */
		assert_int_equal(world_ike_count(w, host), 3);
		assert_int_equal(world_child_count(w, host), 5);
	}
	assert_all_carried(w);
}

/* Both ends at once: what is left in the end is whole. */
static void both_open_at_once(void **state)
{
	struct world *w = *state;

	configure_three(w, 1, START_INITIATE);
	configure_three(w, 0, START_INITIATE);
	world_run(w, 20000);
	for (int host = 0; host < 2; host++) {
		assert_int_equal(world_ike_count(w, host), 3);
		assert_string_equal(look(w, host, "rest"), "up: all");
	}
	assert_all_carried(w);
}

struct auths {
	uint64_t first;	     /* SPI of whose IKE_AUTH came first */
	uint64_t lost_until; /* that one does not arrive so long */
	unsigned others;     /* IKE_AUTHs of others in that time */
};

static enum fate first_auth_is_lost(struct world *w, struct world_packet *p, void *arg)
{
	struct auths *a = arg;
	struct ike_header h;

	if (p->to != 1 || w->now_ms >= a->lost_until || !header_parse(p->data, p->size, &h) ||
	    h.exchange != EXCHANGE_IKE_AUTH)
		return PASS;
	if (!a->first)
		a->first = h.spi_i;
	if (a->first == h.spi_i)
		return DROP;
	a->others++;
	return PASS;
}

/* The first one has INITIAL_CONTACT, and would end any other that the peer reads before it. */
static struct auths lose_first_auth(struct world *w, uint64_t ms)
{
	struct auths a = {.lost_until = w->now_ms + ms};

	w->filter = first_auth_is_lost;
	w->filter_arg = &a;
	configure_three(w, 1, START_RESPOND);
	configure_three(w, 0, START_INITIATE);
	world_run(w, ms);
	assert_int_not_equal(a.first, 0);
	w->filter = NULL;
	return a;
}

static void others_wait_for_initial_contact(void **state)
{
	struct world *w = *state;
	const struct auths a = lose_first_auth(w, 3000);

	assert_int_equal(a.others, 0);
	world_run(w, 3000);
	for (int host = 0; host < 2; host++)
		assert_three(w, host);
	assert_all_carried(w);
}

/* What they wait for is given up: the next one has INITIAL_CONTACT, and is up long before the first is tried again. */
static void others_go_on_when_it_is_given_up(void **state)
{
	struct world *w = *state;

	lose_first_auth(w, 24000);
	world_run(w, 500);
	assert_true(world_ike_count(w, 1) >= 2);
	world_run(w, 20000);
	for (int host = 0; host < 2; host++)
		assert_three(w, host);
	assert_all_carried(w);
}

/* The file may name one peer in several ways. Who that is, is not known before it answers: it may be who is up. */
static void none_is_the_first_beside_another_name(void **state)
{
	struct world *w = *state;
	static const char *const names[] = {"192.0.2.2", "*"};

	for (unsigned i = 0; i < 2; i++) {
		struct connection_config *list[2];

		world_again(w, i);
		list[0] = CONNECTION(w, 0, "first", START_RESPOND, to_bgp);
		list[1] = CONNECTION(w, 0, "second", START_RESPOND, geneve);
		strcpy(list[1]->remote_id, names[i]);
		list[1]->auth_digest[0] = 1;
		configure_three(w, 1, START_RESPOND);
		configure(w, 0, 2, list);
		engine_initiate(w->hosts[0].engine, "first", NULL, 7);
		world_run(w, 500);
		engine_initiate(w->hosts[0].engine, "second", NULL, 8);
		world_run(w, 500);
		assert_int_equal(world_ike_count(w, 0), 2);
		assert_false(world_logged(w, 1, "the peer has started anew"));
		assert_int_equal(world_ike_count(w, 1), 2);
	}
}

static void the_packet_says_which_is_opened(void **state)
{
	struct world *w = *state;

	configure_three(w, 1, START_RESPOND);
	configure_three(w, 0, START_TRAP);
	acquire(w, 0, 6, 40000, 179);
	world_run(w, 500);
	assert_string_equal(look(w, 0, "bgp"), "up: tcp dport 179");
	assert_string_equal(look(w, 1, "bgp"), "up: tcp sport 179");
	assert_string_equal(look(w, 0, "rest"), "trap");
	acquire(w, 0, 17, 6083, 1);
	world_run(w, 500);
	assert_string_equal(look(w, 0, "geneve"), "up: udp sport 6081-6085");
	assert_string_equal(look(w, 1, "geneve"), "up: udp dport 6081-6085");
	acquire(w, 0, 17, 1, 53);
	world_run(w, 500);
	assert_string_equal(look(w, 0, "rest"), "up: all");
	assert_string_equal(look(w, 1, "rest"), "up: all");
	assert_int_equal(world_child_count(w, 1), 3);
}

/* What INITIAL_CONTACT says is of the identities, not of one connection. */
static void who_starts_anew_has_forgotten_all(void **state)
{
	struct world *w = *state;
	struct world_host *h = &w->hosts[0];
	struct engine_ops ops;

	configure_three(w, 1, START_RESPOND);
	configure_three(w, 0, START_INITIATE);
	world_run(w, 2000);
	ops = ((const struct engine *)h->engine)->ops;
	engine_free(h->engine, false);
	memset(h->sas, 0, sizeof(h->sas));
	h->engine = engine_new(&ops);
	configure_three(w, 0, START_TRAP);
	acquire(w, 0, 6, 40000, 179);
	world_run(w, 1000);
	assert_string_equal(look(w, 1, "bgp"), "up: tcp sport 179");
	assert_string_equal(look(w, 1, "rest"), "down");
	assert_int_equal(world_ike_count(w, 1), 1);
}

/* ---- what is left ---- */

/* Whom the peer was taken for before it said who it is has nothing of it. */
static void nobody_is_left_behind(void **state)
{
	struct world *w = *state;
	struct connection_config *const list[] = {
		CONNECTION(w, 1, "strangers", START_RESPOND, all),
		CONNECTION(w, 1, "friends", START_RESPOND, all),
	};

	strcpy(list[0]->remote_id, "*.example");
	list[0]->auth_digest[0] = 1;
	list[0]->remote_bits = list[1]->remote_bits = 24;
	configure(w, 1, 2, list);
	world_configure(w, 0, world_connection(w, 0));
	world_initiate(w, 0);
	world_run(w, 500);
	assert_string_equal(look(w, 1, "friends"), "up: all");
	assert_true(TAILQ_EMPTY(&TAILQ_FIRST(&w->hosts[1].engine->connections)->peers));
}

static void the_most_exact_of_equals(void **state)
{
	struct world *w = *state;
	struct connection_config *const theirs[] = {CONNECTION(w, 0, "tcp", START_INITIATE, tcp)};
	struct connection_config *const ours[] = {
		CONNECTION(w, 1, "rest", START_RESPOND, all),
		CONNECTION(w, 1, "bgp", START_RESPOND, to_bgp, from_bgp),
		CONNECTION(w, 1, "tcp", START_RESPOND, tcp),
	};

	configure(w, 1, 3, ours);
	configure(w, 0, 1, theirs);
	world_run(w, 500);
	assert_string_equal(look(w, 1, "tcp"), "up: tcp");
	assert_string_equal(look(w, 1, "rest"), "down");
	assert_carried(w, tcp);
}

/* The peer has less to give than is asked for: each packet that it leaves out asks again, and nobody is. */
static void narrowed_is_not_asked_for_again(void **state)
{
	struct world *w = *state;
	struct connection_config *const ours[] = {CONNECTION(w, 0, "rest", START_TRAP, all)};
	struct connection_config *const theirs[] = {CONNECTION(w, 1, "tcp", START_RESPOND, tcp)};
	unsigned sent;

	/* Nothing else is sent meanwhile. */
	ours[0]->dpd_ms = theirs[0]->dpd_ms = 0;
	configure(w, 1, 1, theirs);
	configure(w, 0, 1, ours);
	acquire(w, 0, 6, 1, 2);
	world_run(w, 500);
	assert_string_equal(look(w, 0, "rest"), "up: tcp");
	sent = w->sent;
	for (int i = 0; i < 5; i++) {
		acquire(w, 0, 17, 1, 2);
		world_run(w, 1000);
	}
	assert_int_equal(w->sent, sent);
	rekey(w, 0, "rest", false);
	sent = w->sent;
	acquire(w, 0, 17, 1, 2);
	world_run(w, 1000);
	assert_int_equal(w->sent, sent);
	assert_string_equal(look(w, 0, "rest"), "up: tcp");
}

/* ---- what is announced before it is known who is meant ---- */

static enum fate count_certreqs(struct world *w, struct world_packet *p, void *arg)
{
	static struct message m;

	(void)w;
	if (p->to == 0 && message_parse(&m, p->data, p->size) && m.header.exchange == EXCHANGE_IKE_SA_INIT)
		*(unsigned *)arg += message_count(&m, PAYLOAD_CERTREQ);
	return PASS;
}

/* Whoever answers may be any of the connections between the two addresses: a PSK, two certificates of one CA, or
 * of two, a PPK. Each of them is found, wherever it stands in the file. */
static void all_that_may_be_meant_is_announced(void **state)
{
	static const char *const names[] = {"psk", "cert", "cert2", "ppk"};
	struct pki other;

	pki_init(&other, 1800000000);
	for (int kind = 0; kind < 4; kind++) {
		struct world *w = *state;
		struct connection_config *ours, *list[4];
		unsigned certreqs = 0;

		world_again(w, 0);
		for (unsigned i = 0; i < 4; i++) {
			list[i] = CONNECTION(w, 1, names[i], START_RESPOND, all);
			list[i]->auth_digest[0] = (uint8_t)i;
		}
		/* The host has one key, which is that of the last one. */
		pki_use(kind == 3 ? &other : &pki, w, 1, list[2], w->wall_s - 60, w->wall_s + 60);
		pki_use(&pki, w, 1, list[1], w->wall_s - 60, w->wall_s + 60);
		strcpy(list[3]->ppk_id, "p");
		list[3]->ppk_key = 3;
		strcpy(list[3]->remote_id, "ppk.example");
		keyring_add(w->hosts[1].ring, 3, KEY_PPK, "quantum", 7, NULL);
		configure(w, 1, 4, list);
		ours = world_connection(w, 0);
		if (kind == 1)
			pki_use(&pki, w, 0, ours, w->wall_s - 60, w->wall_s + 60);
		if (kind == 2) {
			strcpy(ours->ppk_id, "p");
			ours->ppk_key = 3;
			ours->ppk_required = true;
			assert_int_equal(identity_from_text(&ours->local_id, "ppk.example", NULL), 0);
			keyring_add(w->hosts[0].ring, 3, KEY_PPK, "quantum", 7, NULL);
		}
		w->filter = count_certreqs;
		w->filter_arg = &certreqs;
		world_configure(w, 0, ours);
		world_initiate(w, 0);
		world_run(w, 500);
		assert_true(world_is_up(w));
		assert_int_equal(certreqs, kind == 3 ? 2 : 1);
		assert_memory_equal(look(w, 1, kind == 1 ? "cert" : kind == 2 ? "ppk" : "psk"), "up", 2);
	}
	pki_free(&other);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
	const struct CMUnitTest tests[] = {
		TEST(each_opens_its_own),
		TEST(both_open_at_once),
		TEST(others_wait_for_initial_contact),
		TEST(others_go_on_when_it_is_given_up),
		TEST(none_is_the_first_beside_another_name),
		TEST(the_packet_says_which_is_opened),
		TEST(who_starts_anew_has_forgotten_all),
		TEST(nobody_is_left_behind),
		TEST(the_most_exact_of_equals),
		TEST(narrowed_is_not_asked_for_again),
		TEST(all_that_may_be_meant_is_announced),
	};

	return cmocka_run_group_tests_name("IKE: which connection", tests, make_ca, free_ca);
}
