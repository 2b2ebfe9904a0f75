/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lengths that lie, in the clear and by a peer that has the keys: payloads, proposals, transforms, attributes, traffic
 * selectors, fragments. Nothing is read beyond its end (the sanitizers look), nothing is installed, and afterwards the
 * two connect as if it had not been.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "one_ca.h"
#include "sealed.h"
#include "crypto/sk.h"

#define HOUR 3600

static void give(struct world *w, const struct world_packet *p, const uint8_t *data, size_t size)
{
	/* A copy of its own, so that a byte too many is seen. */
	uint8_t *copy = malloc(size ? size : 1);

	memcpy(copy, data, size);
	engine_receive(w->hosts[p->to].engine, &p->path, copy, size);
	free(copy);
}

static void configure(struct world *w, bool certs)
{
	for (int i = 1; i >= 0; i--) {
		struct connection_config *c = world_connection(w, i);

		if (certs)
			pki_use(&pki, w, i, c, w->wall_s - HOUR, w->wall_s + HOUR);
		world_configure(w, i, c);
	}
}

/* ---- in the clear ---- */

/* What a length may say instead of `right`. */
static const uint16_t wrong[] = {0, 1, 3, 4, 7, 8, 9, 28, 255, 0x7fff, 0xfffb, 0xffff};
#define WRONG (sizeof(wrong) / sizeof(wrong[0]))

static uint16_t wrong_value(size_t i, uint16_t right)
{
	return i < WRONG ? wrong[i] : i == WRONG ? (uint16_t)(right - 1) : (uint16_t)(right + 1);
}

/* Each pair of bytes of the request says something else, before the true one comes: lengths are among them. What is
 * answered to lies goes nowhere. */
static enum fate lie_to_responder(struct world *w, struct world_packet *p, void *arg)
{
	bool *lying = arg;
	uint8_t *data;
	struct ike_header h;

	if (*lying)
		return DROP;
	data = malloc(p->size);
	*lying = true;
	if (header_parse(p->data, p->size, &h) && h.exchange == EXCHANGE_IKE_SA_INIT && p->to == 1) {
		for (size_t at = 16; at + 2 <= p->size; at++) {
			for (size_t i = 0; i < WRONG + 2; i++) {
				memcpy(data, p->data, p->size);
				put_u16(data + at, wrong_value(i, get_u16(data + at)));
				/* An SPI of its own, or the first would be all. */
				put_u16(data, (unsigned)(at * 64 + i));
				give(w, p, data, p->size);
			}
		}
	}
	free(data);
	*lying = false;
	return PASS;
}

static void lengths_in_the_clear_to_responder(void **state)
{
	struct world *w = *state;
	bool lying = false;

	w->filter = lie_to_responder;
	w->filter_arg = &lying;
	w->cookie_threshold = UINT32_MAX;
	configure(w, false);
	world_initiate(w, 0);
	world_run(w, 60000);
	w->filter = NULL;
	if (!world_talks(w))
		world_initiate(w, 0);
	world_run(w, 60000);
	assert_true(world_is_up(w));
}

static enum fate lie_to_initiator(struct world *w, struct world_packet *p, void *arg)
{
	struct ike_header h;
	size_t *step = arg;

	(void)w;
	if (p->to == 0 && header_parse(p->data, p->size, &h) && h.exchange == EXCHANGE_IKE_SA_INIT) {
		const size_t at = 16 + *step / (WRONG + 2);

		if (at + 2 > p->size) {
			*step = SIZE_MAX;
			return PASS;
		}
		put_u16(p->data + at, wrong_value(*step % (WRONG + 2), get_u16(p->data + at)));
	}
	return PASS;
}

/* Inbound SAs that have their keys, and so may open something. */
static unsigned with_key(const struct world_host *h)
{
	unsigned n = 0;

	for (unsigned i = 0; i < WORLD_SAS; i++)
		n += h->sas[i].used && h->sas[i].spec.inbound && !h->sas[i].reserved;
	return n;
}

/* One lie in a life: the initiator may believe that it is refused, and no more than that. */
static void lengths_in_the_clear_to_initiator(void **state)
{
	struct world *w = *state;

	configure(w, false);
	for (size_t n = 0;; n += 5) {
		size_t step = n;

		w->filter = lie_to_initiator;
		w->filter_arg = &step;
		world_initiate(w, 0);
		world_run(w, 100);
		if (step == SIZE_MAX)
			break;
		/* What was changed is signed by AUTH, or was never looked at. */
		assert_int_equal(with_key(&w->hosts[0]), world_talks(w));
		world_terminate(w, 0);
		world_run(w, 40000);
		assert_true(world_is_down(w));
	}
}

/* A chain of unknown payloads, and one that never ends. */
static enum fate long_chains(struct world *w, struct world_packet *p, void *arg)
{
	uint8_t data[60000];

	(void)arg;
	if (p->to != 1 || p->data[18] != EXCHANGE_IKE_SA_INIT)
		return PASS;
	for (unsigned type = 33; type <= 255; type += 222 / 3) {
		memcpy(data, p->data, IKE_HEADER_SIZE);
		data[16] = (uint8_t)type;
		put_u16(data + 24, 0);
		put_u16(data + 26, sizeof(data));
		for (size_t at = IKE_HEADER_SIZE; at < sizeof(data); at += 4) {
			data[at] = (uint8_t)(at + 4 < sizeof(data) ? type : 0);
			data[at + 1] = 0;
			put_u16(data + at + 2, 4);
		}
		give(w, p, data, sizeof(data));
	}
	return PASS;
}

static void chains_without_end(void **state)
{
	struct world *w = *state;

	w->filter = long_chains;
	configure(w, false);
	world_initiate(w, 0);
	world_run(w, 500);
	assert_true(world_is_up(w));
}

/* ---- by a peer that has the keys ---- */

#define FIELDS 64

/* Where lengths are written in the payloads of s: of payloads, proposals, transforms, traffic selectors. */
struct fields {
	size_t at[FIELDS];
	unsigned count;
};

static void note(struct fields *f, size_t at)
{
	if (f->count < FIELDS)
		f->at[f->count++] = at;
}

static void note_proposal(struct fields *f, const struct sealed *s, size_t at)
{
	const size_t end = at + get_u16(s->data + at + 2);

	note(f, at + 2);
	for (at += 8U + s->data[at + 6]; at + 8 <= end; at += get_u16(s->data + at + 2))
		note(f, at + 2);
}

static void find_fields(struct fields *f, const struct sealed *s)
{
	uint8_t type = s->first;

	f->count = 0;
	for (size_t at = 0; type && at + 4 <= s->size; at += get_u16(s->data + at + 2)) {
		note(f, at + 2);
		if (type == PAYLOAD_SA)
			note_proposal(f, s, at + 4);
		if (type == PAYLOAD_TSI || type == PAYLOAD_TSR)
			note(f, at + 10);
		type = s->data[at];
	}
}

/* One change inside the first message of a kind that goes by. */
struct inside {
	uint8_t exchange;
	bool response;
	bool (*change)(struct sealed *s, size_t step); /* false: there are no more */
	size_t step;
	bool done;
	bool over;
};

static enum fate change_inside(struct world *w, struct world_packet *p, void *arg)
{
	struct inside *c = arg;
	static struct sealed s;

	if (c->done || !sealed_open(w, p, &s) || s.header.exchange != c->exchange ||
	    !!(s.header.flags & FLAG_RESPONSE) != c->response)
		return PASS;
	c->done = true;
	if (c->change(&s, c->step))
		sealed_put(w, p, &s);
	else
		c->over = true;
	return PASS;
}

/* The changed message has just come. What is refused in IKE_AUTH may be asked for again a moment later. */
static void run_until_changed(struct world *w, const struct inside *c)
{
	for (int i = 0; i < 200 && !c->done; i++)
		world_run(w, 1);
	world_run(w, w->latency_ms);
}

/* Once for each change: what is got by it is a refusal, or the IKE SA's end; then all is as if it had not been. */
static void change_each(struct world *w, uint8_t exchange, bool response, bool certs, bool ike,
			bool (*change)(struct sealed *, size_t))
{
	for (size_t step = 0;; step++) {
		struct inside c = {.exchange = exchange, .response = response, .change = change, .step = step};
		const bool first = exchange == EXCHANGE_IKE_AUTH;

		world_again(w, step);
		w->filter = change_inside;
		w->filter_arg = &c;
		configure(w, certs);
		world_initiate(w, 0);
		if (!first) {
			world_run(w, 200);
			world_rekey(w, 0, ike);
		}
		run_until_changed(w, &c);
		assert_true(c.done);
		if (c.over)
			return;
		/* Who got it has nothing by it. */
		if (first)
			assert_int_equal(world_sa_count(w, !response, true), 0);
		world_run(w, 60000);
		world_terminate(w, 0);
		world_terminate(w, 1);
		world_run(w, 40000);
		assert_true(world_is_down(w));
		world_initiate(w, 0);
		world_run(w, 500);
		assert_true(world_is_up(w));
	}
}

static void change_everywhere(struct world *w, bool certs, bool (*change)(struct sealed *, size_t))
{
	for (int response = 0; response < 2; response++) {
		change_each(w, EXCHANGE_IKE_AUTH, response, certs, false, change);
		if (certs)
			continue;
		change_each(w, EXCHANGE_CREATE_CHILD_SA, response, false, false, change);
		change_each(w, EXCHANGE_CREATE_CHILD_SA, response, false, true, change);
	}
}

static bool lie_about_length(struct sealed *s, size_t step)
{
	static const int off[] = {-1, 1, 4};
	static const uint16_t values[] = {0, 3, 4, 0xffff};
	struct fields f;
	uint8_t *at;

	find_fields(&f, s);
	if (step >= f.count * 7U)
		return false;
	at = s->data + f.at[step / 7];
	put_u16(at, step % 7 < 4 ? values[step % 7] : (uint16_t)(get_u16(at) + off[step % 7 - 4]));
	return true;
}

static void lengths_inside(void **state)
{
	change_everywhere(*state, false, lie_about_length);
}

/* The nth of the payloads that must be there and hold something; -1: there are no more. In a request, IDr is a wish. */
static int essential(const struct sealed *s, size_t n)
{
	static const uint8_t types[] = {PAYLOAD_SA,   PAYLOAD_TSI, PAYLOAD_TSR,	  PAYLOAD_IDI, PAYLOAD_IDR,
					PAYLOAD_AUTH, PAYLOAD_KE,  PAYLOAD_NONCE, PAYLOAD_CERT};

	for (size_t i = 0; i < sizeof(types); i++) {
		const int at = sealed_find(s, types[i], 0);

		if (types[i] == PAYLOAD_IDR && !(s->header.flags & FLAG_RESPONSE))
			continue;
		if (at >= 0 && n-- == 0)
			return at;
	}
	return -1;
}

static void resize(struct sealed *s, int at, size_t size)
{
	const size_t old = get_u16(s->data + at + 2);

	memmove(s->data + at + size, s->data + at + old, s->size - (size_t)at - old);
	s->size -= old - size;
	put_u16(s->data + at + 2, (unsigned)size);
}

static bool empty_payload(struct sealed *s, size_t step)
{
	const int at = essential(s, step);

	if (at >= 0)
		resize(s, at, 4);
	return at >= 0;
}

/* With one byte in it, with a third of what was there, with one byte less. */
static bool shorten_payload(struct sealed *s, size_t step)
{
	const int at = essential(s, step / 3);
	size_t old;

	if (at < 0)
		return false;
	old = get_u16(s->data + at + 2);
	resize(s, at, step % 3 == 0 ? 5 : step % 3 == 1 ? 4 + (old - 4) / 3 : old - 1);
	return true;
}

static void empty_payloads(void **state)
{
	change_everywhere(*state, false, empty_payload);
	change_everywhere(*state, true, empty_payload);
}

static bool leave_payload_out(struct sealed *s, size_t step)
{
	const int at = essential(s, step);

	if (at >= 0)
		sealed_cut(s, at);
	return at >= 0;
}

/* But for the child's in IKE_AUTH, of which a peer may have none (RFC 6023): then there is just no child. */
static void missing_payloads(void **state)
{
	change_everywhere(*state, false, leave_payload_out);
	change_everywhere(*state, true, leave_payload_out);
}

static void short_payloads(void **state)
{
	change_everywhere(*state, false, shorten_payload);
	change_everywhere(*state, true, shorten_payload);
}

/* An SK inside SK, an unknown one that is critical, and a proposal that says it has more transforms than it has. */
static bool nest(struct sealed *s, size_t step)
{
	static const uint8_t zeros[40];
	const int sa = sealed_find(s, PAYLOAD_SA, 0), tsi = sealed_find(s, PAYLOAD_TSI, 0),
		  tsr = sealed_find(s, PAYLOAD_TSR, 0), rekey = sealed_notify(s, REKEY_SA);

	switch (step) {
	case 0:
		sealed_add(s, PAYLOAD_SK, zeros, sizeof(zeros));
		return true;
	case 1:
		sealed_add(s, PAYLOAD_SKF, zeros, sizeof(zeros));
		return true;
	case 2:
		sealed_add(s, 200, "", 0);
		s->data[1] = 0x80;
		return true;
	case 3:
	case 4:
		s->data[sa + 11] = step == 3 ? 0 : 255;
		return true;
	case 5: /* an SPI that is as long as it gets */
		s->data[sa + 10] = 255;
		return true;
	case 6: /* another proposal follows, and does not */
		s->data[sa + 4] = 2;
		return true;
	case 7: /* the key length as an attribute of variable length */
		put_u16(s->data + sa + 4 + 8 + s->data[sa + 10] + 8, 14);
		return true;
	}
	if (tsi < 0 || step > (rekey < 0 ? 9 : 11))
		return false;
	if (step == 8) /* more traffic selectors than there are; none */
		s->data[tsi + 4] = 200;
	else if (step == 9)
		s->data[tsr + 4] = 0;
	else /* the SPI of the child that is rekeyed: of no byte; of more than there are */
		s->data[rekey + 5] = step == 10 ? 0 : 8;
	return true;
}

static void nested_payloads(void **state)
{
	change_everywhere(*state, false, nest);
}

/* ---- fragments ---- */

/* Of IKE_AUTH: those that make no sense come before the true one, authentic all of them. */
static enum fate senseless_fragments(struct world *w, struct world_packet *p, void *arg)
{
	static const uint16_t numbers[][2] = {{0, 0},	      {0, 3},	  {4, 3},   {1, 0},
					      {65535, 65535}, {1, 65535}, {65, 65}, {1, 65}};
	struct world_packet copy = *p;
	static struct sealed s;

	if (!sealed_open(w, p, &s) || s.header.exchange != EXCHANGE_IKE_AUTH)
		return PASS;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		copy.data = malloc(p->size);
		memcpy(copy.data, p->data, p->size);
		sealed_put_fragment(w, &copy, &s, 0, s.size, numbers[i][0], numbers[i][1]);
		give(w, &copy, copy.data, copy.size);
		free(copy.data);
		(*(unsigned *)arg)++;
	}
	return PASS;
}

static void fragment_numbers(void **state)
{
	struct world *w = *state;
	unsigned given = 0;

	w->filter = senseless_fragments;
	w->filter_arg = &given;
	configure(w, false);
	world_initiate(w, 0);
	world_run(w, 200);
	assert_int_equal(given, 16);
	assert_true(world_is_up(w));
	assert_int_equal(w->sent, 4);
}

/* The message in so many pieces, in place of it. */
static void put_pieces(struct world *w, const struct world_packet *p, const struct sealed *s, uint16_t from,
		       uint16_t to, uint16_t total)
{
	const size_t size = (s->size + total - 1) / total;

	for (uint16_t n = from; n <= to; n++) {
		const size_t at = (n - 1U) * size, left = at < s->size ? s->size - at : 0;
		struct world_packet piece = *p;

		piece.data = malloc(1);
		sealed_put_fragment(w, &piece, s, at < s->size ? at : 0, left < size ? left : size, n, total);
		world_inject(w, &piece, 1 + n);
		free(piece.data);
	}
}

/* First some of 2, then some of 5, then of 3 (which is less: dropped), then the rest of 5 (RFC 7383 section 2.6). */
static enum fate change_totals(struct world *w, struct world_packet *p, void *arg)
{
	static struct sealed s;

	(void)arg;
	if (!sealed_open(w, p, &s) || s.header.exchange != EXCHANGE_IKE_AUTH)
		return PASS;
	put_pieces(w, p, &s, 1, 1, 2);
	put_pieces(w, p, &s, 1, 3, 5);
	put_pieces(w, p, &s, 1, 3, 3);
	put_pieces(w, p, &s, 4, 5, 5);
	return DROP;
}

static void fragments_of_another_total(void **state)
{
	struct world *w = *state;

	w->filter = change_totals;
	configure(w, false);
	world_initiate(w, 0);
	world_run(w, 400);
	assert_true(world_is_up(w));
	/* Nothing had to be sent again. */
	assert_int_equal(w->sent, 4);
}

/* As many as there may be, most of them with nothing inside. */
static enum fate most_pieces(struct world *w, struct world_packet *p, void *arg)
{
	static struct sealed s;

	(void)arg;
	if (!sealed_open(w, p, &s) || s.header.exchange != EXCHANGE_IKE_AUTH)
		return PASS;
	put_pieces(w, p, &s, 1, FRAGMENTS_MAX, FRAGMENTS_MAX);
	return DROP;
}

static void fragments_at_most(void **state)
{
	struct world *w = *state;

	w->filter = most_pieces;
	configure(w, false);
	world_initiate(w, 0);
	world_run(w, 400);
	assert_true(world_is_up(w));
	assert_int_equal(w->sent, 4);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lengths_in_the_clear_to_responder),
		TEST(lengths_in_the_clear_to_initiator),
		TEST(chains_without_end),
		TEST(lengths_inside),
		TEST(empty_payloads),
		TEST(missing_payloads),
		TEST(short_payloads),
		TEST(nested_payloads),
		TEST(fragment_numbers),
		TEST(fragments_of_another_total),
		TEST(fragments_at_most),
	};

	return cmocka_run_group_tests_name("IKE, malformed", tests, make_ca, free_ca);
}
