/* SPDX-License-Identifier: BSD-2-Clause */
/* A NAT, a wrong transform in each place, tunnel mode: refused by the one, explained by the other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/child_payloads.h"
#include "through.h"

/* ---- NAT ---- */

struct translate {
	int to;	   /* what goes to that host */
	bool addr; /* its source address, else its source port */
};

/* And back again what goes the other way. */
static enum fate translate(struct world *w, struct world_packet *p, void *arg)
{
	const struct translate *t = arg;

	if (p->to != t->to) {
		memcpy(p->path.local, w->hosts[p->to].addr, 4);
		p->path.local_port = IKE_PORT;
	} else if (t->addr)
		p->path.remote[3] = 99;
	else
		p->path.remote_port = 1024;
	return PASS;
}

/* The responder sees another port than the initiator says it has. It refuses, and the initiator is told why. */
static void nat_of_initiator_is_an_error(void **state)
{
	struct translate t = {.to = 1};
	struct world *w = connect_through(state, translate, &t, 2000);

	assert_true(world_logged(w, 1, "there is a NAT between this host and the peer, at the peer's end"));
	assert_true(world_logged(w, 1, "or the peer forces UDP encapsulation, which looks the same: encap = no"));
	assert_true(world_logged(w, 0, "there is a NAT between this host and the peer, at this end"));
	assert_false(world_logged(w, 0, "UDP encapsulation"));
	assert_failed(w);
}

/* It sees another address, which no connection is for. The initiator's proposal is not what it should look at. */
static void nat_to_unknown_address_is_an_error(void **state)
{
	struct translate t = {.to = 1, .addr = true};
	struct world *w = connect_through(state, translate, &t, 2000);

	assert_true(world_logged(w, 1, "no connection is for that address"));
	assert_true(world_logged(w, 0, "there is a NAT between this host and the peer"));
	assert_failed(w);
}

static void nat_of_responder_is_an_error(void **state)
{
	struct translate t = {.to = 0};
	struct world *w = connect_through(state, translate, &t, 2000);

	assert_true(world_logged(w, 0, "there is a NAT between this host and the peer"));
	world_run(w, 60000);
	assert_failed(w);
}

/* The answer comes from somebody else: as if it had not come. */
static void another_address_is_not_followed(void **state)
{
	struct translate t = {.to = 0, .addr = true};
	struct world *w = connect_through(state, translate, &t, 60000);

	assert_failed(w);
}

/* ---- a wrong transform in each place ---- */

/* What is changed in IKE_AUTH is so when it is asked for again by itself. */
static bool is_of(const struct ike_header *h, uint8_t exchange, bool response)
{
	return (h->exchange == exchange ||
		(exchange == EXCHANGE_IKE_AUTH && h->exchange == EXCHANGE_CREATE_CHILD_SA)) &&
	       !!(h->flags & FLAG_RESPONSE) == response;
}

struct changing {
	struct change c;
	unsigned done;
};

static enum fate change_transform(struct world *w, struct world_packet *p, void *arg)
{
	struct changing *c = arg;
	static struct sealed s;
	struct ike_header h;

	if (!header_parse(p->data, p->size, &h) || !is_of(&h, c->c.exchange, c->c.response))
		return PASS;
	if (h.exchange == EXCHANGE_IKE_SA_INIT) {
		/* SA is the first payload. */
		c->done += change_all(p->data + 28, get_u16(p->data + 30), &c->c);
		return PASS;
	}
	if (!sealed_open(w, p, &s) || sealed_find(&s, PAYLOAD_SA, 0) < 0)
		return PASS;
	c->done += change_all(s.data, s.size, &c->c);
	sealed_put(w, p, &s);
	return PASS;
}

#define ENCR 1
static const struct change of_ike[] = {
	{EXCHANGE_IKE_SA_INIT, false, ENCR, 20, 12}, /* AES-CBC */
	{EXCHANGE_IKE_SA_INIT, false, ENCR, 20, 18}, /* GCM with 8 bytes of ICV */
	{EXCHANGE_IKE_SA_INIT, false, KEY_LENGTH, 20, 128},
	{EXCHANGE_IKE_SA_INIT, false, TRANSFORM_DH, DH_ECP_384, 14},
	{EXCHANGE_IKE_SA_INIT, false, TRANSFORM_DH, DH_ECP_384, 0},
};

static void wrong_transform_of_ike_is_refused(void **state)
{
	for (size_t i = 0; i < sizeof(of_ike) / sizeof(of_ike[0]); i++) {
		struct changing c = {of_ike[i], 0};
		struct world *w = connect_through(state, change_transform, &c, 3000);

		assert_int_equal(c.done, 1);
		assert_true(world_logged(w, 1, "refused: it offers"));
		assert_true(world_logged(w, 0, "takes none of what is offered"));
		assert_failed(w);
	}
}

static enum fate change_every_prf(struct world *w, struct world_packet *p, void *arg)
{
	for (uint16_t prf = PRF_HMAC_SHA2_256; prf <= PRF_HMAC_SHA2_512; prf++) {
		struct changing c = {{EXCHANGE_IKE_SA_INIT, false, TRANSFORM_PRF, prf, 2}, 0};

		change_transform(w, p, &c);
		*(unsigned *)arg += c.done;
	}
	return PASS;
}

/* HMAC-SHA1 alone. */
static void wrong_prf_is_refused(void **state)
{
	unsigned done = 0;
	struct world *w = connect_through(state, change_every_prf, &done, 3000);

	assert_int_equal(done, 3);
	assert_true(world_logged(w, 1, "PRF-2"));
	assert_failed(w);
}

static const struct change of_ike_answer[] = {
	{EXCHANGE_IKE_SA_INIT, true, ENCR, 20, 12},
	{EXCHANGE_IKE_SA_INIT, true, KEY_LENGTH, 20, 128},
	{EXCHANGE_IKE_SA_INIT, true, TRANSFORM_PRF, PRF_HMAC_SHA2_384, 2},
	{EXCHANGE_IKE_SA_INIT, true, TRANSFORM_DH, DH_ECP_384, 19},
};

static void answer_that_was_not_offered_is_refused(void **state)
{
	for (size_t i = 0; i < sizeof(of_ike_answer) / sizeof(of_ike_answer[0]); i++) {
		struct changing c = {of_ike_answer[i], 0};
		struct world *w = connect_through(state, change_transform, &c, 60000);

		assert_int_equal(c.done, 1);
		assert_true(world_logged(w, 0, "with what was not offered"));
		assert_failed(w);
	}
}

/* In IKE_AUTH the IKE SA comes up, and has no child; in CREATE_CHILD_SA it stays up, with the child it had. */
static const struct change of_child[] = {
	{EXCHANGE_IKE_AUTH, false, ENCR, 20, 12},
	{EXCHANGE_IKE_AUTH, false, KEY_LENGTH, 20, 192},
	{EXCHANGE_IKE_AUTH, true, ENCR, 20, 16},
	{EXCHANGE_IKE_AUTH, true, KEY_LENGTH, 20, 128},
	{EXCHANGE_IKE_AUTH, true, TRANSFORM_ESN, 1, 2},
	{EXCHANGE_CREATE_CHILD_SA, false, ENCR, 20, 12},
	{EXCHANGE_CREATE_CHILD_SA, false, KEY_LENGTH, 20, 128},
	{EXCHANGE_CREATE_CHILD_SA, false, TRANSFORM_DH, DH_ECP_384, 14},
	{EXCHANGE_CREATE_CHILD_SA, false, TRANSFORM_DH, DH_ECP_384, 0},
	{EXCHANGE_CREATE_CHILD_SA, true, ENCR, 20, 12},
	{EXCHANGE_CREATE_CHILD_SA, true, TRANSFORM_DH, DH_ECP_384, 0},
	{EXCHANGE_CREATE_CHILD_SA, true, TRANSFORM_ESN, 1, 7},
};

static void assert_child_refused(struct world *w, const struct change *c)
{
	if (c->response)
		assert_true(world_logged(w, 0, "with a proposal for the child that was not offered: refused"));
	else
		assert_true(world_logged(w, 1, "for the child, and not AES_GCM_16-256"));
	if (!c->response && c->exchange == EXCHANGE_IKE_AUTH)
		assert_true(world_logged(w, 0,
					 "NO_PROPOSAL_CHOSEN: the peer refuses the child: offered was AES_GCM_16-256, "
					 "with and without ESN, in transport mode: set that there (strongSwan: "
					 "esp_proposals = aes256gcm16-ecp384-esn-noesn, mode = transport"));
}

/* A rekey that the peer refuses, perhaps for PFS, is made by a new IKE SA, by whichever end thinks so. */
static void wrong_transform_of_child_is_refused(void **state)
{
	for (size_t i = 0; i < sizeof(of_child) / sizeof(of_child[0]); i++) {
		struct changing c = {of_child[i], 0};
		const bool first = c.c.exchange == EXCHANGE_IKE_AUTH;
		struct world *w = connect_through(state, change_transform, &c, 500);

		if (!first)
			world_rekey(w, 0, false);
		world_run(w, 5000);
		assert_true(c.done > 0);
		assert_child_refused(w, &c.c);
		for (int host = 0; host < 2; host++) {
			const bool pfs = !c.c.response && c.c.type == TRANSFORM_DH;

			assert_in_range(world_ike_count(w, host), 1, pfs ? 2 : 1);
			assert_in_range(world_sa_count(w, host, true), !first, pfs ? 2 : !first);
		}
		assert_int_equal(world_talks(w), !first);
	}
}

/* ESN has no third value: without either that we know, nothing is made. */
static enum fate no_known_esn(struct world *w, struct world_packet *p, void *arg)
{
	for (uint16_t esn = 0; esn <= 1; esn++) {
		struct changing c = {{EXCHANGE_IKE_AUTH, false, TRANSFORM_ESN, esn, (uint16_t)(esn + 2)}, 0};

		change_transform(w, p, &c);
		*(unsigned *)arg += c.done;
	}
	return PASS;
}

static void wrong_esn_is_refused(void **state)
{
	const struct change c = {.response = false};
	unsigned done = 0;
	struct world *w = connect_through(state, no_known_esn, &done, 3000);

	assert_int_equal(done, 2 * 2);
	assert_child_refused(w, &c);
	assert_int_equal(world_sa_count(w, 1, true), 0);
}

/* A rekey of the IKE SA: the old one stays, unless the peer has made its end of the new one. */
static void wrong_transform_in_ike_rekey_is_refused(void **state)
{
	for (int response = 0; response < 2; response++) {
		struct changing c = {{EXCHANGE_CREATE_CHILD_SA, response, KEY_LENGTH, 20, 128}, 0};
		struct world *w = rekey_through(state, change_transform, &c, true);

		assert_int_equal(c.done, 1);
		assert_int_equal(w->hosts[0].done_count, 1);
		assert_true(w->hosts[0].done_error[0]);
		assert_true(world_talks(w));
		w->filter = NULL;
		assert_true(response || world_run_under_traffic(w, 60000));
		world_run(w, 180000);
		assert_true(world_is_up(w));
	}
}

/* ---- tunnel mode ---- */

struct untransport {
	uint8_t exchange;
	bool response;
};

static enum fate without_transport_mode(struct world *w, struct world_packet *p, void *arg)
{
	const struct untransport *u = arg;
	static struct sealed s;

	if (!sealed_open(w, p, &s) || !is_of(&s.header, u->exchange, u->response) ||
	    sealed_notify(&s, USE_TRANSPORT_MODE) < 0)
		return PASS;
	sealed_cut(&s, sealed_notify(&s, USE_TRANSPORT_MODE));
	sealed_put(w, p, &s);
	return PASS;
}

/* Asked for, or answered; at first, or in a rekey: no child by it on either end, and the IKE SA stays. */
static void tunnel_mode_is_refused(void **state)
{
	for (int kind = 0; kind < 4; kind++) {
		struct untransport u = {kind & 2 ? EXCHANGE_CREATE_CHILD_SA : EXCHANGE_IKE_AUTH, kind & 1};
		struct world *w = connect_through(state, without_transport_mode, &u, 500);

		if (kind & 2)
			world_rekey(w, 0, false);
		world_run(w, 5000);
		assert_true(world_logged(w, !u.response, "the peer wants tunnel mode"));
		/* A rekey that is refused without a reason is made by a new IKE SA. */
		assert_true(kind == 2 || w->hosts[0].done_error[0]);
		for (int host = 0; host < 2; host++) {
			assert_int_equal(world_ike_count(w, host), 1);
			assert_int_equal(world_sa_count(w, host, true), kind & 2 ? 1 : 0);
		}
	}
}

/* What the peer says is a number; what to do about it is said here. */
static void refusals_of_a_child_say_what_to_do(void **unused)
{
	const struct task task = {.asked = {SELECTOR_ANY_PORT, .proto = 6}};
	char why[FAILURE_TEXT];

	(void)unused;
	child_why_refused(&task, INVALID_KE_PAYLOAD, true, why);
	assert_non_null(strstr(why, "esp_proposals = aes256gcm16-ecp384;"));
	child_why_refused(&task, TS_UNACCEPTABLE, true, why);
	assert_non_null(strstr(why, "asked for was 'tcp'"));
	child_why_refused(&task, NO_ADDITIONAL_SAS, true, why);
	assert_non_null(strstr(why, "one more, for 'tcp'"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nat_of_initiator_is_an_error),
		TEST(nat_to_unknown_address_is_an_error),
		TEST(nat_of_responder_is_an_error),
		TEST(another_address_is_not_followed),
		TEST(wrong_transform_of_ike_is_refused),
		TEST(wrong_prf_is_refused),
		TEST(answer_that_was_not_offered_is_refused),
		TEST(wrong_transform_of_child_is_refused),
		TEST(wrong_esn_is_refused),
		TEST(wrong_transform_in_ike_rekey_is_refused),
		TEST(tunnel_mode_is_refused),
		cmocka_unit_test(refusals_of_a_child_say_what_to_do),
	};

	return cmocka_run_group_tests_name("IKE refusals", tests, NULL, NULL);
}
