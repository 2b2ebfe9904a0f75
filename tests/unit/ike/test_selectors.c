/* SPDX-License-Identifier: BSD-2-Clause */
/* Several connections between the same two hosts, told apart by what they protect. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "inside.h"
#include "one_ca.h"
#include "tap.h"

static const struct selector all = {SELECTOR_ANY_PORT}, to_bgp = {0, 65535, 179, 179, 6},
			     from_bgp = {179, 179, 0, 65535, 6}, geneve = {0, 65535, 6081, 6085, 17},
			     from_geneve = {6081, 6085, 0, 65535, 17}, tcp = {SELECTOR_ANY_PORT, .proto = 6};

/* ---- making ---- */

static struct connection_config *connection(struct world *w, int host, const char *name, enum start_mode start,
					    unsigned count, const struct selector *selectors)
{
	struct connection_config *c = world_connection(w, host);

	strcpy(c->name, name);
	memcpy(c->selectors, selectors, count * sizeof(*selectors));
	c->selector_count = count;
	c->start = start;
	strcpy((char *)c->digest, name);
	return c;
}

#define CONNECTION(w, host, name, start, ...) \
	connection(w, host, name, start, sizeof((struct selector[]){__VA_ARGS__}) / sizeof(struct selector), \
		   (struct selector[]){__VA_ARGS__})

static void configure(struct world *w, int host, unsigned count, struct connection_config *const *list)
{
	struct ike_config config = {.connections = calloc(count, sizeof(*list)), .count = count};

	for (unsigned i = 0; i < count; i++)
		config.connections[i] = list[i];
	engine_configure(w->hosts[host].engine, &config);
}

/* In the file's order the widest stands first: it must not get everything for that. */
static void configure_three(struct world *w, int host, enum start_mode start)
{
	struct connection_config *const list[] = {
		CONNECTION(w, host, "rest", start, all),
		CONNECTION(w, host, "bgp", start, to_bgp, from_bgp),
		CONNECTION(w, host, "geneve", start, geneve, from_geneve),
	};

	configure(w, host, 3, list);
}

/* What another implementation does: one IKE SA, and all children on it. */
static void configure_one(struct world *w, int host, enum start_mode start)
{
	struct connection_config *const list[] = {
		CONNECTION(w, host, "one", start, to_bgp, from_bgp, geneve, from_geneve, all)};

	configure(w, host, 1, list);
}

/* ---- looking ---- */

/* "state: selector, selector" of a connection, the selectors of children that are up in the order they were made. */
static const char *look(struct world *w, int host, const char *name)
{
	static char text[400];
	cJSON *status = engine_status(w->hosts[host].engine), *c, *child;

	text[0] = '\0';
	cJSON_ArrayForEach(c, cJSON_GetObjectItem(status, "connections")) {
		if (strcmp(cJSON_GetObjectItem(c, "name")->valuestring, name) != 0)
			continue;
		strcat(text, cJSON_GetObjectItem(c, "state")->valuestring);
		cJSON_ArrayForEach(child, cJSON_GetObjectItem(c, "children")) {
			strcat(text, text[strlen(text) - 1] == ':' || !strchr(text, ':') ? ": " : ", ");
			strcat(text, cJSON_GetObjectItem(child, "selector")->valuestring);
		}
	}
	cJSON_Delete(status);
	return text;
}

static void assert_three(struct world *w, int host)
{
	assert_string_equal(look(w, host, "rest"), "up: all");
	assert_non_null(strstr(look(w, host, "bgp"), "tcp dport 179"));
	assert_non_null(strstr(look(w, host, "bgp"), "tcp sport 179"));
	assert_non_null(strstr(look(w, host, "geneve"), "udp dport 6081-6085"));
	assert_non_null(strstr(look(w, host, "geneve"), "udp sport 6081-6085"));
}

/* The outbound SA of a host that is bound for the selector. */
static struct world_sa *bound_for(struct world *w, int host, const struct selector *s)
{
	for (unsigned i = 0; i < WORLD_SAS; i++) {
		struct world_sa *sa = &w->hosts[host].sas[i];

		if (sa->used && sa->bound && selector_equal(&sa->spec.selector, s))
			return sa;
	}
	return NULL;
}

/* Both ends have a child for it, and each one's outbound SA is the other's inbound one for the same. */
static void assert_carried(struct world *w, struct selector s)
{
	for (int host = 0; host < 2; host++, s = selector_mirrored(&s)) {
		const struct world_sa *out = bound_for(w, host, &s), *in = world_partner(w, host, out);
		const struct selector there = selector_mirrored(&s);

		assert_non_null(out);
		assert_non_null(in);
		assert_true(selector_equal(&in->spec.selector, &there));
	}
}

static void assert_all_carried(struct world *w)
{
	assert_carried(w, all);
	assert_carried(w, to_bgp);
	assert_carried(w, from_bgp);
	assert_carried(w, geneve);
	assert_carried(w, from_geneve);
}

static void acquire(struct world *w, int host, uint8_t proto, uint16_t local_port, uint16_t remote_port)
{
	engine_acquire(w->hosts[host].engine, w->hosts[host].addr, w->hosts[!host].addr, proto, local_port,
		       remote_port);
}

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

static void rekey(struct world *w, int host, const char *name, bool ike)
{
	w->hosts[host].done_count = 0;
	engine_rekey(w->hosts[host].engine, name, NULL, ike, 5);
	world_run(w, 5000);
	assert_int_equal(w->hosts[host].done_count, 1);
	assert_string_equal(w->hosts[host].done_error, "");
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
		struct connection *c;
		struct ike_sa *sa;

		world_again(w, 0);
		set_up_one_to_three(w);
		TAILQ_FOREACH(c, &w->hosts[1].engine->connections, of_engine)
			if (strcmp(c->config->name, "bgp") == 0)
				break;
		assert_non_null(c);
		sa = peer_ike_up(TAILQ_FIRST(&c->peers));
		assert_non_null(sa);
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

/* Another secret, another CA, another identity: what is proven for one says nothing for the other. */
static void other_proof_other_ike_sa(void **state)
{
	struct world *w = *state;
	struct connection_config *const list[] = {
		CONNECTION(w, 1, "rest", START_RESPOND, geneve),
		CONNECTION(w, 1, "bgp", START_RESPOND, to_bgp, from_bgp),
	};

	list[1]->auth_digest[0] = 1;
	configure(w, 1, 2, list);
	configure_one(w, 0, START_INITIATE);
	world_run(w, 900);
	/* The first it asks for decides on the connection. */
	assert_memory_equal(look(w, 1, "bgp"), "up", 2);
	assert_string_equal(look(w, 1, "rest"), "down");
	assert_true(world_logged(w, 1, "nothing in common"));
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

/* Whoever answers may be any of the connections between the two addresses: a PSK, two certificates of one CA, a PPK.
 * Each of them is found, wherever it stands in the file. */
static void all_that_may_be_meant_is_announced(void **state)
{
	static const char *const names[] = {"psk", "cert", "cert2", "ppk"};

	for (int kind = 0; kind < 3; kind++) {
		struct world *w = *state;
		struct connection_config *ours, *list[4];
		unsigned certreqs = 0;

		world_again(w, 0);
		for (unsigned i = 0; i < 4; i++) {
			list[i] = CONNECTION(w, 1, names[i], START_RESPOND, all);
			list[i]->auth_digest[0] = (uint8_t)i;
		}
		/* The host has one key, which is that of the last one. */
		pki_use(&pki, w, 1, list[2], w->wall_s - 60, w->wall_s + 60);
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
		assert_int_equal(certreqs, 1);
		assert_memory_equal(look(w, 1, kind == 0 ? "psk" : kind == 1 ? "cert" : "ppk"), "up", 2);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
	const struct CMUnitTest tests[] = {
		TEST(each_opens_its_own),
		TEST(both_open_at_once),
		TEST(others_wait_for_initial_contact),
		TEST(others_go_on_when_it_is_given_up),
		TEST(the_packet_says_which_is_opened),
		TEST(who_starts_anew_has_forgotten_all),
		TEST(children_of_one_ike_sa_are_told_apart),
		TEST(they_stay_so_through_rekeys),
		TEST(they_stay_so_when_it_is_proven_anew),
		TEST(one_that_is_dead_ends),
		TEST(one_taken_down_leaves_the_others),
		TEST(one_taken_down_while_it_asks),
		TEST(one_taken_down_in_a_collision),
		TEST(a_reload_leaves_the_others),
		TEST(other_proof_other_ike_sa),
		TEST(a_wider_child_does_not_do),
		TEST(all_are_opened_whatever_the_order),
		TEST(the_lost_one_is_made_anew),
		TEST(nobody_is_left_behind),
		TEST(the_most_exact_of_equals),
		TEST(narrowed_is_not_asked_for_again),
		TEST(all_that_may_be_meant_is_announced),
	};

	return cmocka_run_group_tests_name("IKE: which connection", tests, make_ca, free_ca);
}
