/* SPDX-License-Identifier: BSD-2-Clause */
/* IKE SAs without a child (RFC 6023): a peer that opens one, one that takes no other, one that refuses the child alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "through.h"

#include "inside.h"
#include "tap.h"

static void acquire(struct world *w, int host)
{
	engine_acquire(w->hosts[host].engine, w->hosts[host].addr, w->hosts[!host].addr, 1, 0, 0);
}

/* ---- the peer opens one ---- */

static void open_childless(struct world *w, int host)
{
	struct path path = {.local_port = IKE_PORT, .remote_port = IKE_PORT};
	struct ike_sa *sa;

	memcpy(path.local, w->hosts[host].addr, 4);
	memcpy(path.remote, w->hosts[!host].addr, 4);
	sa = ike_sa_new(w->hosts[host].engine, inside_peer(w, host), &path, true, 0);
	task_queue(sa, TASK_INIT)->children = false;
}

/* Nobody answered for so long that the next try is a minute away; then the peer opens, and asks for nothing. */
static void childless_is_asked_for_its_child(void **state)
{
	for (int start = START_TRAP; start <= START_RESPOND; start++) {
		struct world *w = *state;
		struct connection_config *c;

		world_again(w, 0);
		c = world_connection(w, 1);
		c->start = (enum start_mode)start;
		w->filter = world_drop_all;
		world_configure(w, 1, c);
		for (int i = 0; i < 150; i++) {
			acquire(w, 1);
			world_run(w, 1000);
		}
		w->filter = NULL;
		world_configure(w, 0, world_connection(w, 0));
		open_childless(w, 0);
		world_run(w, 100);
		assert_int_equal(world_child_count(w, 0), 0);
		/* The datapath tells once a second that a packet waits. */
		acquire(w, 1);
		world_run(w, 400);
		assert_true(world_talks(w));
	}
}

/* What a packet has asked for while there was no IKE SA, which who is to respond does not open; how long ago. */
static void childless_is_asked_for_what_was_missed(void **state)
{
	for (unsigned ms = 900; ms <= 5000; ms += 4100) {
		struct world *w = *state;

		world_again(w, 0);
		world_configure_both(w, START_RESPOND);
		acquire(w, 1);
		world_run(w, ms);
		assert_true(world_is_down(w));
		open_childless(w, 0);
		world_run(w, 300);
		assert_int_equal(world_child_count(w, 1), ms == 900);
		/* Once. */
		world_run(w, 60000);
		assert_int_equal(world_child_count(w, 1), ms == 900);
	}
}

/* Nothing is wanted: nothing is asked for. And who is only to respond opens nothing when it is gone. */
static void childless_is_left_alone(void **state)
{
	struct world *w = *state;
	unsigned sent;

	world_configure_both(w, START_RESPOND);
	open_childless(w, 0);
	world_run(w, 5000);
	assert_int_equal(world_child_count(w, 1), 0);
	acquire(w, 1);
	world_terminate(w, 0);
	world_run(w, 1000);
	assert_true(world_is_down(w));
	sent = w->sent;
	world_run(w, 100000);
	assert_int_equal(w->sent, sent);
}

/* ---- the peer takes no other ---- */

/* What a child is asked for with in IKE_AUTH. */
struct forced {
	unsigned refused; /* IKE_AUTH with a child */
	unsigned inits;	  /* IKE_SA_INIT of host 0 */
	bool unproven;	  /* it does not say who it is */
	bool silent;	  /* nor that it takes IKE SAs without one */
	bool adamant;	  /* it refuses those, too */
};

static bool is_of(const struct world_packet *p, uint8_t exchange, bool response)
{
	struct ike_header h;

	return header_parse(p->data, p->size, &h) && h.exchange == exchange && !!(h.flags & FLAG_RESPONSE) == response;
}

/* The whole of the notify is looked for: its type alone is two bytes that a nonce or a public value has by chance, too.
 */
static void hide_childless(struct world_packet *p)
{
	static const uint8_t notify[] = {0, 8, 0, 0, CHILDLESS_IKEV2_SUPPORTED >> 8, CHILDLESS_IKEV2_SUPPORTED & 0xff};

	for (size_t i = 0; i + sizeof(notify) <= p->size; i++)
		if (memcmp(p->data + i, notify, sizeof(notify)) == 0)
			put_u16(p->data + i + 4, 40000);
}

/* strongSwan's 'childless = force': IDr, AUTH, N(INVALID_SYNTAX), and the IKE SA is over. */
static enum fate force_childless(struct world *w, struct world_packet *p, void *arg)
{
	struct forced *f = arg;
	static struct sealed s;
	int ts;

	f->inits += p->to == 1 && is_of(p, EXCHANGE_IKE_SA_INIT, false);
	if (f->silent && p->to == 0 && is_of(p, EXCHANGE_IKE_SA_INIT, true)) {
		hide_childless(p);
		return PASS;
	}
	if (!is_of(p, EXCHANGE_IKE_AUTH, p->to == 0) || !sealed_open(w, p, &s))
		return PASS;
	if (p->to == 1) {
		ts = sealed_find(&s, PAYLOAD_TSI, 0);
		if (ts < 0 && f->adamant) {
			sealed_cut(&s, sealed_find(&s, PAYLOAD_IDI, 0));
			f->refused++;
		} else if (ts >= 0) {
			s.data[ts + 4] = 2; /* of which one is there */
			f->refused++;
		}
	} else if (f->unproven && sealed_notify(&s, INVALID_SYNTAX) >= 0) {
		sealed_cut(&s, sealed_find(&s, PAYLOAD_IDR, 0));
		sealed_cut(&s, sealed_find(&s, PAYLOAD_AUTH, 0));
	}
	sealed_put(w, p, &s);
	return PASS;
}

static struct world *toward_forced(void **state, struct forced *f, enum start_mode start)
{
	struct world *w = *state;

	world_again(w, 0);
	w->filter = force_childless;
	w->filter_arg = f;
	world_configure_both(w, start);
	return w;
}

/* It is up without one, which it gets then: two round trips more, no wait. What was ordered is done. */
static void forced_is_up_at_once(void **state)
{
	for (int unproven = 0; unproven < 2; unproven++) {
		struct forced f = {.unproven = unproven};
		struct world *w = toward_forced(state, &f, START_TRAP);

		world_initiate(w, 0);
		world_run(w, 50);
		assert_true(world_is_up(w));
		assert_int_equal(f.refused, 1);
		assert_int_equal(w->hosts[0].done_count, 1);
		assert_string_equal(w->hosts[0].done_error, "");
		/* Nothing of the first one is left, and the next is without one from the beginning. */
		world_run(w, 1000);
		engine_dead(w->hosts[0].engine, "c0");
		acquire(w, 0);
		world_run(w, 50);
		assert_true(world_is_up(w));
		world_run(w, 60000);
		assert_true(world_is_up(w));
		assert_int_equal(f.refused, 1);
	}
}

static void forced_is_up_for_a_packet(void **state)
{
	struct forced f = {0};
	struct world *w = toward_forced(state, &f, START_TRAP);

	acquire(w, 0);
	world_run(w, 50);
	assert_true(world_is_up(w));
}

/* Its own IKE SA crosses ours, whichever is there first, whoever reads what when. */
static void forced_crosses_ours(void **state)
{
	for (unsigned seed = 0; seed < 60; seed++) {
		struct forced f = {0};
		struct world *w = toward_forced(state, &f, START_TRAP);

		world_again(w, seed);
		w->filter = force_childless;
		w->filter_arg = &f;
		w->latency_ms = 4;
		world_configure_both(w, START_TRAP);
		world_run(w, seed % 3 ? 1 : 0);
		if (seed % 2)
			open_childless(w, 1);
		else
			acquire(w, 0);
		world_run(w, seed / 2 % 30);
		if (seed % 2)
			acquire(w, 0);
		else
			open_childless(w, 1);
		world_run(w, 400);
		assert_true(world_talks(w));
		for (int i = 0; i < 60; i++) {
			world_run(w, 1000);
			assert_true(world_talks(w));
		}
		assert_false(world_logged(w, 0, "the peer does not answer"));
	}
}

/* It is proven anew, and moves, as with any other. */
static void forced_is_proven_anew(void **state)
{
	struct forced f = {0};
	struct world *w = toward_forced(state, &f, START_INITIATE);

	world_run(w, 100);
	assert_true(world_is_up(w));
	inside_peer(w, 0)->connection->config->reauth_ms = 120000;
	world_terminate(w, 0);
	world_run(w, 1000);
	world_initiate(w, 0);
	world_run(w, 100);
	for (int i = 0; i < 10; i++)
		assert_true(world_run_under_traffic(w, 60000));
	assert_true(world_logged(w, 0, "the peer has proven itself anew: replaced"));
	assert_false(world_logged(w, 0, "refuses what it had before"));
	assert_true(world_is_up(w));
}

/* It comes to know that it takes no other while it proves itself anew: its configuration is another one by then. */
static void forced_from_now_on(void **state)
{
	struct forced f = {0};
	struct world *w = *state;
	struct connection_config *c = world_connection(w, 0);

	c->start = START_INITIATE;
	c->reauth_ms = 120000;
	world_configure(w, 1, world_connection(w, 1));
	world_configure(w, 0, c);
	world_run(w, 100);
	assert_true(world_is_up(w));
	w->filter = force_childless;
	w->filter_arg = &f;
	for (int i = 0; i < 4; i++)
		assert_true(world_run_under_traffic(w, 60000));
	assert_int_equal(f.refused, 1);
	assert_true(world_logged(w, 0, "the peer has proven itself anew: replaced"));
	assert_true(world_is_up(w));
}

/* Who starts anew is found as soon as one that takes children (test_others.c). */
static void forced_starts_anew(void **state)
{
	struct forced f = {0};
	struct world *w = toward_forced(state, &f, START_INITIATE);

	world_run(w, 100);
	assert_true(world_is_up(w));
	world_restart(w, 1);
	memset(w->hosts[1].sas, 0, sizeof(w->hosts[1].sas));
	world_configure(w, 1, world_connection(w, 1));
	engine_unknown_spi(w->hosts[0].engine, w->hosts[0].addr, w->hosts[1].addr, 0x12345678);
	for (int i = 0; i < 500 && !world_talks(w); i++)
		world_run(w, 20);
	assert_true(world_talks(w));
	assert_int_equal(f.refused, 1);
}

/* It does not say that there is another way, or takes that neither: it is tried again later and later, no more. */
static void invalid_syntax_is_the_end(void **state)
{
	for (int adamant = 0; adamant < 2; adamant++) {
		struct forced f = {.silent = !adamant, .adamant = adamant};
		struct world *w = toward_forced(state, &f, START_INITIATE);

		world_run(w, 300);
		assert_true(world_is_down(w));
		assert_int_equal(f.inits, 1 + adamant);
		world_run(w, 120000);
		/* By chance two minutes end in the middle of a trial: its answer is waited for. */
		for (int i = 0; i < 500 && f.refused != f.inits; i++)
			world_run(w, 20);
		assert_int_equal(world_ike_count(w, 1), 0);
		assert_in_range(f.inits, 5, 9);
		assert_int_equal(f.refused, f.inits);
	}
}

/* ---- the peer refuses the child alone ---- */

struct refusing {
	uint16_t error;
	bool for_good; /* also by itself */
	unsigned in_auth;
	unsigned alone;
};

/* Host 1 reads what it has to refuse: a cipher that it does not know, selectors of other hosts. */
static void spoil(struct sealed *s, uint16_t error)
{
	int at;

	if (error == TS_UNACCEPTABLE) {
		at = sealed_find(s, PAYLOAD_TSI, 0);
		s->data[at + 19] ^= 0x10;
		s->data[at + 23] ^= 0x10;
	} else {
		at = sealed_transform(s, TRANSFORM_ENCR, ENCR_AES_GCM_16);
		put_u16(s->data + at, 12);
	}
}

static enum fate refuse_child(struct world *w, struct world_packet *p, void *arg)
{
	struct refusing *r = arg;
	static struct sealed s;
	bool in_auth;

	if (p->to != 1 || !sealed_open(w, p, &s) || s.header.flags & FLAG_RESPONSE ||
	    sealed_find(&s, PAYLOAD_TSI, 0) < 0)
		return PASS;
	in_auth = s.header.exchange == EXCHANGE_IKE_AUTH;
	r->in_auth += in_auth;
	r->alone += !in_auth;
	if (in_auth || r->for_good) {
		spoil(&s, r->error);
		sealed_put(w, p, &s);
	}
	return PASS;
}

static const uint16_t refusals[] = {NO_PROPOSAL_CHOSEN, TS_UNACCEPTABLE};

/* The IKE SA is up (RFC 7296 section 1.2): the child is asked for by itself on it, at once. */
static void refused_child_is_asked_for_alone(void **state)
{
	for (size_t i = 0; i < 2; i++) {
		struct refusing r = {.error = refusals[i]};
		struct world *w = connect_through(state, refuse_child, &r, 50);

		assert_true(world_is_up(w));
		assert_int_equal(r.in_auth, 1);
		assert_int_equal(r.alone, 1);
		assert_int_equal(w->hosts[0].done_count, 1);
		assert_string_equal(w->hosts[0].done_error, "");
	}
}

/* Once at once; after that as seldom as anything that fails, on the same IKE SA. And who has ordered it is told. */
static void refused_for_good_is_no_storm(void **state)
{
	for (size_t i = 0; i < 2; i++) {
		struct refusing r = {.error = refusals[i], .for_good = true};
		struct world *w = connect_through(state, refuse_child, &r, 50);

		assert_int_equal(r.in_auth, 1);
		assert_int_equal(r.alone, 1);
		assert_int_equal(w->hosts[0].done_count, 1);
		assert_non_null(strstr(w->hosts[0].done_error, "the peer refuses the child"));
		world_terminate(w, 0);
		world_run(w, 100);
		inside_peer(w, 0)->connection->config->start = START_INITIATE;
		world_initiate(w, 0);
		world_run(w, 120000);
		assert_int_equal(r.in_auth, 2);
		assert_in_range(r.alone, 5, 10);
		assert_int_equal(world_ike_count(w, 0), 1);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(childless_is_asked_for_its_child),
		TEST(childless_is_asked_for_what_was_missed),
		TEST(childless_is_left_alone),
		TEST(forced_is_up_at_once),
		TEST(forced_is_up_for_a_packet),
		TEST(forced_crosses_ours),
		TEST(forced_is_proven_anew),
		TEST(forced_from_now_on),
		TEST(forced_starts_anew),
		TEST(invalid_syntax_is_the_end),
		TEST(refused_child_is_asked_for_alone),
		TEST(refused_for_good_is_no_storm),
	};

	return cmocka_run_group_tests_name("IKE SAs without a child", tests, NULL, NULL);
}
