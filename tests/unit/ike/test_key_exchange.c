/* SPDX-License-Identifier: BSD-2-Clause */
/* Another key exchange than ours: one more of them (RFC 9370), another group, a KE payload or a nonce that is too
 * short; and a nonce that is as short or as long as it may be, or more so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "through.h"

/* ---- additional key exchanges, RFC 9370 ---- */

/* One transform of a request becomes ADDKE1, with that ID; how many answers have ADDKE1 with NONE. */
struct hybrid {
	struct change c;
	unsigned asked;
	unsigned answered;
};

static unsigned change_type(uint8_t *data, size_t size, const struct change *c)
{
	struct change same = *c;
	unsigned n = 0;

	same.to = same.from;
	for (size_t i = 0; i + 8 <= size; i++)
		if (change_all(data + i, 8, &same)) {
			data[i + 4] = TRANSFORM_ADDKE_1;
			put_u16(data + i + 6, c->to);
			n++;
		}
	return n;
}

static enum fate ask_for_hybrid(struct world *w, struct world_packet *p, void *arg)
{
	struct hybrid *hy = arg;
	static struct sealed s;
	struct ike_header h;

	if (!header_parse(p->data, p->size, &h) || h.exchange != hy->c.exchange)
		return PASS;
	if (h.exchange == EXCHANGE_IKE_SA_INIT) {
		if (!(h.flags & FLAG_RESPONSE))
			hy->asked += change_type(p->data + 28, get_u16(p->data + 30), &hy->c);
		return PASS;
	}
	if (!sealed_open(w, p, &s) || sealed_find(&s, PAYLOAD_SA, 0) < 0)
		return PASS;
	if (h.flags & FLAG_RESPONSE) {
		hy->answered += sealed_transform(&s, TRANSFORM_ADDKE_1, ADDKE_NONE) >= 0;
		return PASS;
	}
	hy->asked += change_type(s.data, s.size, &hy->c);
	sealed_put(w, p, &s);
	return PASS;
}

#define INSISTS "insists on an additional key exchange"

static void insisting_on_hybrid_is_refused_by_name(void **state)
{
	struct hybrid init = {.c = {EXCHANGE_IKE_SA_INIT, false, TRANSFORM_PRF, PRF_HMAC_SHA2_256, 36}},
		      child = {.c = {EXCHANGE_CREATE_CHILD_SA, false, TRANSFORM_ESN, ESN_NO, 36}},
		      ike = {.c = {EXCHANGE_CREATE_CHILD_SA, false, TRANSFORM_PRF, PRF_HMAC_SHA2_256, 36}};
	struct world *w = connect_through(state, ask_for_hybrid, &init, 3000);

	assert_int_equal(init.asked, 1);
	assert_true(world_logged(w, 1, INSISTS));
	assert_true(world_logged(w, 1, "ADDKE1-36"));
	assert_failed(w);
	w = rekey_through(state, ask_for_hybrid, &child, false);
	assert_int_equal(child.asked, 1);
	assert_true(world_logged(w, 1, INSISTS));
	assert_true(world_is_up(w));
	w = rekey_through(state, ask_for_hybrid, &ike, true);
	assert_int_equal(ike.asked, 1);
	assert_true(world_logged(w, 1, INSISTS));
	assert_true(world_is_up(w));
}

static void optional_hybrid_is_answered_in_rekeys(void **state)
{
	struct hybrid child = {.c = {EXCHANGE_CREATE_CHILD_SA, false, TRANSFORM_ESN, ESN_NO, ADDKE_NONE}},
		      ike = {.c = {EXCHANGE_CREATE_CHILD_SA, false, TRANSFORM_PRF, PRF_HMAC_SHA2_256, ADDKE_NONE}};

	rekey_through(state, ask_for_hybrid, &child, false);
	assert_int_equal(child.asked, 1);
	assert_int_equal(child.answered, 1);
	rekey_through(state, ask_for_hybrid, &ike, true);
	assert_int_equal(ike.asked, 1);
	assert_int_equal(ike.answered, 1);
}

/* ---- what the DH payload says ---- */

struct regroup {
	bool response;
	unsigned done;
	unsigned named; /* answers that say which group is taken: RFC 7296 section 1.3 */
};

static enum fate other_group(struct world *w, struct world_packet *p, void *arg)
{
	struct regroup *r = arg;
	static struct sealed s;
	int at;

	if (!sealed_open(w, p, &s))
		return PASS;
	at = sealed_notify(&s, INVALID_KE_PAYLOAD);
	r->named += at >= 0 && get_u16(s.data + at + 2) == 10 && get_u16(s.data + at + 8) == DH_ECP_384;
	at = sealed_find(&s, PAYLOAD_KE, 0);
	if (at < 0 || !!(s.header.flags & FLAG_RESPONSE) != r->response)
		return PASS;
	put_u16(s.data + at + 4, 19);
	sealed_put(w, p, &s);
	r->done++;
	return PASS;
}

/* Group 20 is proposed, and the KE payload is of another. */
static void ke_of_another_group_is_refused(void **state)
{
	for (int kind = 0; kind < 4; kind++) {
		struct regroup r = {.response = kind & 1};
		struct world *w = rekey_through(state, other_group, &r, kind & 2);

		assert_true(r.done > 0);
		/* Asked for once more or not, each of them is told. */
		assert_int_equal(r.named, r.response ? 0 : r.done);
		assert_true(w->hosts[0].done_error[0]);
		w->filter = NULL;
		assert_true(kind == 3 || world_run_under_traffic(w, 60000));
		world_run(w, 180000);
		assert_true(world_is_up(w));
	}
}

/* The last byte of KE, or all of the nonce but 15, is cut off inside SK. */
struct shorten {
	uint8_t type;
	bool response;
	unsigned done;
};

static enum fate shorten_inside(struct world *w, struct world_packet *p, void *arg)
{
	struct shorten *c = arg;
	static struct sealed s;
	size_t old, size;
	int at;

	if (!sealed_open(w, p, &s) || !!(s.header.flags & FLAG_RESPONSE) != c->response)
		return PASS;
	at = sealed_find(&s, c->type, 0);
	if (at < 0)
		return PASS;
	old = get_u16(s.data + at + 2);
	size = c->type == PAYLOAD_KE ? old - 1 : 4 + 15;
	memmove(s.data + at + size, s.data + at + old, s.size - (size_t)at - old);
	s.size -= old - size;
	put_u16(s.data + at + 2, (unsigned)size);
	sealed_put(w, p, &s);
	c->done++;
	return PASS;
}

static void short_ke_or_nonce_in_rekey_is_refused(void **state)
{
	for (int kind = 0; kind < 8; kind++) {
		struct shorten c = {.type = kind & 1 ? PAYLOAD_KE : PAYLOAD_NONCE, .response = kind & 2};
		struct world *w = rekey_through(state, shorten_inside, &c, kind & 4);

		assert_true(c.done > 0);
		if (c.response)
			assert_true(world_logged(w, 0, "is not valid"));
		else
			assert_non_null(strstr(w->hosts[0].done_error, "INVALID_SYNTAX"));
	}
}

/* KE in IKE_SA_INIT, in the clear: where its content begins. NULL: it is another message. */
static uint8_t *first_ke(struct world_packet *p, struct regroup *r, size_t *size)
{
	static struct message m;
	const struct payload *ke;

	if (!message_parse(&m, p->data, p->size) || m.header.exchange != EXCHANGE_IKE_SA_INIT ||
	    !!(m.header.flags & FLAG_RESPONSE) != r->response)
		return NULL;
	ke = message_find(&m, PAYLOAD_KE);
	if (!ke)
		return NULL;
	r->done++;
	*size = ke->size;
	return p->data + (ke->data - p->data);
}

static bool names_group(const struct world_packet *p)
{
	struct message m;
	struct notify n;

	return message_parse(&m, p->data, p->size) && message_notify(&m, INVALID_KE_PAYLOAD, &n) && n.size == 2 &&
	       get_u16(n.data) == DH_ECP_384;
}

static enum fate other_first_group(struct world *w, struct world_packet *p, void *arg)
{
	struct regroup *r = arg;
	size_t size;
	uint8_t *ke = first_ke(p, r, &size);

	(void)w;
	r->named += names_group(p);
	if (ke)
		put_u16(ke, 31);
	return PASS;
}

/* One byte less of it, with lengths that fit. */
static enum fate short_first_ke(struct world *w, struct world_packet *p, void *arg)
{
	size_t size;
	uint8_t *ke = first_ke(p, arg, &size), *end = ke ? ke + size : NULL;

	(void)w;
	if (!ke)
		return PASS;
	put_u16(ke - 2, (unsigned)(size + 3));
	memmove(end - 1, end, (size_t)(p->data + p->size - end));
	p->size--;
	put_u16(p->data + 26, (unsigned)p->size);
	return PASS;
}

static void first_ke_that_is_short(void **state)
{
	for (int response = 0; response < 2; response++) {
		struct regroup r = {.response = response};
		struct world *w = connect_through(state, short_first_ke, &r, 60000);

		assert_true(r.done > 0);
		assert_true(!response || world_logged(w, 0, "with what was not offered"));
		/* To a request like that there is no answer. */
		assert_true(response || world_logged(w, 0, "no answer to IKE_SA_INIT"));
		assert_failed(w);
	}
}

/* Peers open with curve25519: they are told the one that is taken here. Such an answer to us is none. */
static void first_ke_of_another_group(void **state)
{
	for (int response = 0; response < 2; response++) {
		struct regroup r = {.response = response};
		struct world *w = connect_through(state, other_first_group, &r, 60000);

		assert_true(r.done > 0);
		assert_true(
			world_logged(w, 0, response ? "with what was not offered" : "the peer insists on DH group 20"));
		assert_int_equal(r.named, response ? 0 : r.done);
		assert_failed(w);
	}
}

/* ---- nonces of any size ---- */

struct nonce {
	bool response;
	size_t size;
	unsigned done;
	bool goes_on; /* who has got it does */
};

/* Other content, of that size; there is room for it. */
static void resize(uint8_t *data, size_t *size, size_t at, size_t content)
{
	const size_t old = get_u16(data + at + 2), new = PAYLOAD_HEADER_SIZE + content;

	memmove(data + at + new, data + at + old, *size - at - old);
	memset(data + at + PAYLOAD_HEADER_SIZE, 7, content);
	put_u16(data + at + 2, (unsigned)new);
	*size = *size - old + new;
}

static void resize_first(struct world_packet *p, const uint8_t *nonce, size_t content)
{
	const size_t at = (size_t)(nonce - p->data) - PAYLOAD_HEADER_SIZE;
	uint8_t *data = malloc(p->size + content);

	memcpy(data, p->data, p->size);
	free(p->data);
	p->data = data;
	resize(p->data, &p->size, at, content);
	put_u16(p->data + 26, (unsigned)p->size);
}

/* In the clear: the question is gone on with by an answer, and that by what is sealed. */
static enum fate resize_first_nonce(struct world *w, struct world_packet *p, void *arg)
{
	const struct payload *found;
	struct nonce *n = arg;
	struct message m;

	(void)w;
	if (!message_parse(&m, p->data, p->size))
		return PASS;
	found = message_find(&m, PAYLOAD_NONCE);
	if (!found) {
		n->goes_on |= n->response && m.header.exchange == EXCHANGE_IKE_AUTH;
	} else if (!!(m.header.flags & FLAG_RESPONSE) == n->response) {
		resize_first(p, found->data, n->size);
		n->done++;
	} else {
		n->goes_on |= !n->response;
	}
	return PASS;
}

static enum fate resize_nonce(struct world *w, struct world_packet *p, void *arg)
{
	static struct sealed s;
	struct nonce *n = arg;
	int at;

	if (!sealed_open(w, p, &s))
		return PASS;
	at = sealed_find(&s, PAYLOAD_NONCE, 0);
	if (at < 0)
		return PASS;
	if (!!(s.header.flags & FLAG_RESPONSE) != n->response) {
		n->goes_on |= !n->response;
		return PASS;
	}
	resize(s.data, &s.size, (size_t)at, n->size);
	sealed_put(w, p, &s);
	n->done++;
	return PASS;
}

/* What they are put into, keys and AUTH, is another thing then for either end: it goes no further than that. */
static bool is_taken_at_first(void **state, bool response, size_t size)
{
	struct nonce n = {.response = response, .size = size};

	connect_through(state, resize_first_nonce, &n, 300);
	assert_int_equal(n.done, 1);
	return n.goes_on;
}

static bool is_taken_in_rekey(void **state, bool ike, bool response, size_t size)
{
	struct nonce n = {.response = response, .size = size};
	const struct world *w = rekey_through(state, resize_nonce, &n, ike);

	assert_true(n.done > 0);
	return response ? w->hosts[0].done_count == 1 && !w->hosts[0].done_error[0] : n.goes_on;
}

/* RFC 7296 sections 2.10 and 3.9. */
static void nonces_have_16_to_256_bytes(void **state)
{
	static const size_t sizes[] = {0, 15, 16, 256, 257};

	for (int response = 0; response < 2; response++) {
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			const bool taken = sizes[i] == 16 || sizes[i] == 256;

			assert_int_equal(is_taken_at_first(state, response, sizes[i]), taken);
			assert_int_equal(is_taken_in_rekey(state, false, response, sizes[i]), taken);
			assert_int_equal(is_taken_in_rekey(state, true, response, sizes[i]), taken);
		}
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(insisting_on_hybrid_is_refused_by_name),
		TEST(optional_hybrid_is_answered_in_rekeys),
		TEST(ke_of_another_group_is_refused),
		TEST(short_ke_or_nonce_in_rekey_is_refused),
		TEST(first_ke_of_another_group),
		TEST(first_ke_that_is_short),
		TEST(nonces_have_16_to_256_bytes),
	};

	return cmocka_run_group_tests_name("IKE key exchange", tests, NULL, NULL);
}
