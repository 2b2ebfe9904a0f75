/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests and their answers as they are on the wire: one request at a time, again at times that grow and by the same
 * octets; each gets an answer, which promises nothing that is not there yet; long ones are taken; and what is of no IKE
 * SA gets none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "inside.h"
#include "through.h"

static void up(struct world *w)
{
	world_configure_both(w, START_TRAP);
	world_initiate(w, 0);
	world_run(w, 200);
	assert_true(world_is_up(w));
	w->hosts[0].done_count = 0;
}

static bool is_answer(const struct ike_header *h)
{
	return h->flags & FLAG_RESPONSE;
}

static void assert_done(const struct world *w, int host)
{
	assert_int_equal(w->hosts[host].done_count, 1);
	assert_string_equal(w->hosts[host].done_error, "");
}

/* ---- again, and later each time ---- */

#define TRIES  6
#define CAP_MS 8000

struct times {
	uint8_t exchange;
	unsigned count;
	uint64_t at_ms[TRIES];
};

/* From the first of that exchange on nothing arrives. */
static enum fate note_time(struct world *w, struct world_packet *p, void *arg)
{
	struct times *t = arg;
	struct ike_header h;

	if (!header_parse(p->data, p->size, &h) || h.exchange != t->exchange)
		return t->count ? DROP : PASS;
	assert_true(t->count < TRIES);
	t->at_ms[t->count++] = w->now_ms;
	return DROP;
}

/* Twice as late each time, less some jitter: RFC 7296 section 2.4. */
static void assert_grow(const struct times *t)
{
	uint64_t before = 0;

	assert_int_equal(t->count, TRIES);
	for (unsigned i = 1; i < TRIES; i++) {
		const uint64_t gap = t->at_ms[i] - t->at_ms[i - 1];

		assert_true(gap > 0 && gap <= CAP_MS);
		assert_true(2 * gap >= 3 * before);
		before = gap;
	}
	assert_true(before > CAP_MS / 2);
}

static void times_between_repetitions_grow(void **state)
{
	static const uint8_t exchanges[] = {EXCHANGE_IKE_SA_INIT, EXCHANGE_IKE_AUTH, EXCHANGE_CREATE_CHILD_SA};
	struct world *w = *state;

	for (uint64_t i = 0; i < 4 * sizeof(exchanges); i++) {
		struct times t = {.exchange = exchanges[i / 4]};

		world_again(w, i);
		if (t.exchange == EXCHANGE_CREATE_CHILD_SA)
			up(w);
		else
			world_configure_both(w, START_TRAP);
		w->filter = note_time;
		w->filter_arg = &t;
		if (t.exchange == EXCHANGE_CREATE_CHILD_SA)
			world_rekey(w, 0, false);
		else
			world_initiate(w, 0);
		world_run(w, 40000);
		assert_grow(&t);
	}
}

/* ---- again, and the same ---- */

#define TIMES 3

struct octets {
	unsigned count;
	size_t size;
	uint8_t data[1500];
};

struct again {
	uint8_t exchange;
	struct octets of[2]; /* the request, the answer */
};

static bool is_same(const struct octets *o, const struct world_packet *p)
{
	return o->size == p->size && memcmp(o->data, p->data, p->size) == 0;
}

static void keep(struct octets *o, const struct world_packet *p)
{
	assert_true(p->size <= sizeof(o->data));
	o->size = p->size;
	memcpy(o->data, p->data, p->size);
}

/* Of the answers the last one arrives. */
static enum fate compare(struct world *w, struct world_packet *p, void *arg)
{
	struct again *a = arg;
	struct ike_header h;
	struct octets *o;

	(void)w;
	if (!header_parse(p->data, p->size, &h) || h.exchange != a->exchange)
		return PASS;
	o = &a->of[is_answer(&h)];
	if (o->count++ == 0)
		keep(o, p);
	assert_int_equal(p->size, o->size);
	assert_memory_equal(p->data, o->data, o->size);
	return is_answer(&h) && o->count < TIMES ? DROP : PASS;
}

static void assert_same_octets(struct world *w, int by, uint8_t exchange, bool ike)
{
	struct again a = {.exchange = exchange};

	world_again(w, (uint64_t)by);
	if (exchange == EXCHANGE_IKE_AUTH)
		world_configure_both(w, START_TRAP);
	else
		up(w);
	w->filter = compare;
	w->filter_arg = &a;
	if (exchange == EXCHANGE_IKE_AUTH)
		world_initiate(w, by);
	else
		world_rekey(w, by, ike);
	world_run(w, 5000);
	assert_int_equal(a.of[0].count, TIMES);
	assert_int_equal(a.of[1].count, TIMES);
	assert_done(w, by);
	assert_true(world_is_up(w));
}

/* To the last octet of the IV, of which none may come twice with something else: RFC 7296 section 2.1. */
static void repetitions_are_the_same_octets(void **state)
{
	for (int by = 0; by < 2; by++) {
		assert_same_octets(*state, by, EXCHANGE_IKE_AUTH, false);
		assert_same_octets(*state, by, EXCHANGE_CREATE_CHILD_SA, false);
		assert_same_octets(*state, by, EXCHANGE_CREATE_CHILD_SA, true);
	}
}

/* ---- one at a time ---- */

/* Of one host: what it has asked, and when the answer arrives. */
struct window {
	struct octets asked;
	uint64_t free_ms;
	unsigned answered;
};

static enum fate look_at_window(struct world *w, struct world_packet *p, void *arg)
{
	struct window *windows = arg, *window;
	struct ike_header h;

	assert_true(header_parse(p->data, p->size, &h));
	window = &windows[is_answer(&h) ? p->to : !p->to];
	if (is_answer(&h)) {
		window->answered += window->free_ms == UINT64_MAX;
		window->free_ms = p->at_ms;
	} else if (!is_same(&window->asked, p)) {
		assert_true(w->now_ms >= window->free_ms);
		window->free_ms = UINT64_MAX;
		keep(&window->asked, p);
		window->asked.count++;
	}
	return PASS;
}

/* All that waits goes in its turn: RFC 7296 section 2.3. And all of it has its answer. */
static void one_request_at_a_time(void **state)
{
	struct window windows[2] = {0};
	struct world *w = *state;

	up(w);
	w->latency_ms = 30;
	w->filter = look_at_window;
	w->filter_arg = windows;
	for (int host = 0; host < 2; host++) {
		for (int i = 0; i < 2; i++)
			assert_non_null(task_queue(inside_ike(w, host), TASK_LIVENESS));
		assert_non_null(task_queue(inside_ike(w, host), TASK_CHILD));
		world_rekey(w, host, false);
		assert_non_null(task_queue(inside_ike(w, host), TASK_LIVENESS));
	}
	world_run(w, 5000);
	for (int host = 0; host < 2; host++) {
		assert_true(windows[host].asked.count >= 4);
		assert_int_equal(windows[host].answered, windows[host].asked.count);
	}
	assert_true(world_talks(w));
}

/* ---- each has its answer ---- */

#define UNKNOWN	 200 /* type of a payload */
#define CRITICAL 0x80

/* A request with this alone in it. */
struct request {
	uint8_t exchange;
	uint8_t type; /* of the payload; PAYLOAD_NONE: there is none */
	uint8_t flags;
	size_t size;
	const char *content;
};

struct asking {
	const struct request *request;
	uint32_t id;
	unsigned asked;
	unsigned answered;
};

static void write_request(struct sealed *s, const struct request *r)
{
	s->header.exchange = r->exchange;
	s->first = PAYLOAD_NONE;
	s->size = 0;
	if (r->type == PAYLOAD_NONE)
		return;
	sealed_add(s, r->type, r->content, r->size);
	s->data[1] = r->flags;
}

static enum fate ask_instead(struct world *w, struct world_packet *p, void *arg)
{
	struct asking *a = arg;
	static struct sealed s;

	if (!sealed_open(w, p, &s))
		return PASS;
	if (p->to == 0 && is_answer(&s.header)) {
		assert_int_equal(s.header.exchange, a->request->exchange);
		assert_int_equal(s.header.id, a->id);
		a->answered++;
	} else if (p->to == 1 && !is_answer(&s.header) && a->asked++ == 0) {
		a->id = s.header.id;
		write_request(&s, a->request);
		sealed_put(w, p, &s);
	}
	return PASS;
}

/* Whatever it is, if it is authentic and due: RFC 7296 section 1.4. */
static void whatever_is_asked_is_answered(void **state)
{
	static const struct request all[] = {
		{EXCHANGE_INFORMATIONAL, PAYLOAD_NONE, 0, 0, NULL},
		{EXCHANGE_INFORMATIONAL, PAYLOAD_NOTIFY, 0, 4, "\0\0\x9c\x40"}, /* a status that is not known */
		{EXCHANGE_INFORMATIONAL, PAYLOAD_NOTIFY, 0, 4, "\0\0\x1f\x40"}, /* an error that is not known */
		{EXCHANGE_INFORMATIONAL, PAYLOAD_NOTIFY, 0, 2, "\0\0"},		/* cut */
		{EXCHANGE_INFORMATIONAL, PAYLOAD_DELETE, 0, 8, "\3\4\0\1none"}, /* of an SPI that is not here */
		{EXCHANGE_INFORMATIONAL, PAYLOAD_DELETE, 0, 4, "\3\4\0\1"},	/* of one that is not even there */
		{EXCHANGE_INFORMATIONAL, PAYLOAD_DELETE, 0, 4, "\1\0\0\0"},	/* of the IKE SA */
		{EXCHANGE_INFORMATIONAL, UNKNOWN, 0, 5, "later"},
		{EXCHANGE_INFORMATIONAL, UNKNOWN, CRITICAL, 5, "later"},
		{EXCHANGE_CREATE_CHILD_SA, PAYLOAD_NONE, 0, 0, NULL},
		{EXCHANGE_CREATE_CHILD_SA, PAYLOAD_NONCE, 0, 16, "of sixteen bytes"},
		{EXCHANGE_CREATE_CHILD_SA, UNKNOWN, CRITICAL, 5, "later"},
		{EXCHANGE_IKE_AUTH, PAYLOAD_NONE, 0, 0, NULL}, /* once more */
		{EXCHANGE_INFORMATIONAL + 1, PAYLOAD_NONE, 0, 0, NULL},
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct asking a = {.request = &all[i]};

		world_again(w, i);
		up(w);
		w->filter = ask_instead;
		w->filter_arg = &a;
		assert_non_null(task_queue(inside_ike(w, 0), TASK_LIVENESS));
		world_run(w, 50);
		assert_int_equal(a.asked, 1);
		assert_int_equal(a.answered, 1);
	}
}

/* ---- what is in the answer ---- */

static uint32_t get_u32(const uint8_t *at)
{
	return (uint32_t)get_u16(at) << 16 | get_u16(at + 2);
}

/* Of a request and its answer. */
struct deletes {
	unsigned count[2];
	uint32_t spi[2];
};

static enum fate note_delete(struct world *w, struct world_packet *p, void *arg)
{
	static struct sealed s;
	struct deletes *d = arg;
	int at;

	if (!sealed_open(w, p, &s) || s.header.exchange != EXCHANGE_INFORMATIONAL)
		return PASS;
	at = sealed_find(&s, PAYLOAD_DELETE, 0);
	assert_true(at >= 0 && sealed_find(&s, PAYLOAD_DELETE, 1) < 0);
	assert_int_equal(get_u16(s.data + at + 2), 12);
	assert_int_equal(s.data[at + 4], PROTOCOL_ESP);
	assert_int_equal(s.data[at + 5], 4);
	assert_int_equal(get_u16(s.data + at + 6), 1);
	d->count[is_answer(&s.header)]++;
	d->spi[is_answer(&s.header)] = get_u32(s.data + at + 8);
	return PASS;
}

/* Each end names the SA that it takes packets on: RFC 7296 section 1.4.1. */
static void answer_to_delete_names_the_other_half(void **state)
{
	for (int by = 0; by < 2; by++) {
		struct deletes d = {.count = {0}};
		struct world *w = *state;
		uint32_t asks, answers;

		world_again(w, 0);
		up(w);
		asks = inside_child(w, by)->in.spi;
		answers = inside_child(w, !by)->in.spi;
		w->filter = note_delete;
		w->filter_arg = &d;
		assert_non_null(child_queue(inside_child(w, by), TASK_DELETE_CHILD));
		world_run(w, 50);
		assert_true(d.count[0] == 1 && d.count[1] == 1);
		assert_int_equal(d.spi[0], asks);
		assert_int_equal(d.spi[1], answers);
		assert_int_not_equal(asks, answers);
	}
}

/* With its key: what is only reserved opens nothing. */
static bool takes_packets_on(const struct world *w, int host, uint32_t spi)
{
	for (unsigned i = 0; i < WORLD_SAS; i++) {
		const struct world_sa *sa = &w->hosts[host].sas[i];

		if (sa->used && !sa->reserved && sa->spec.inbound && sa->spec.spi == spi)
			return true;
	}
	return false;
}

static enum fate look_at_answer(struct world *w, struct world_packet *p, void *arg)
{
	static struct sealed s;

	if (!sealed_open(w, p, &s) || !is_answer(&s.header) || sealed_find(&s, PAYLOAD_TSI, 0) < 0)
		return PASS;
	/* The SPI is behind the headers of the payload and of its only proposal. */
	assert_true(takes_packets_on(w, !p->to, get_u32(s.data + sealed_find(&s, PAYLOAD_SA, 0) + 12)));
	++*(unsigned *)arg;
	return PASS;
}

/* Before the answer has left, which lets the peer send: RFC 7296 section 2.8. */
static void answer_leaves_when_packets_are_taken(void **state)
{
	struct world *w = *state;
	unsigned answers = 0;

	w->filter = look_at_answer;
	w->filter_arg = &answers;
	up(w);
	assert_int_equal(answers, 1);
	for (int i = 0; i < 4; i++) {
		world_rekey(w, i & 1, false);
		world_run(w, 5000);
		assert_int_equal(answers, 2 + i);
	}
}

/* ---- long ones ---- */

#define LONG_SIZE 3000
/* What a datagram has beside the payloads in SK: headers, IV, pad length, ICV. */
#define AROUND (IKE_HEADER_SIZE + PAYLOAD_HEADER_SIZE + 8 + 1 + 16)

struct longer {
	uint8_t exchange;
	bool response;
	unsigned done;
	unsigned answered;
};

static enum fate make_longer(struct world *w, struct world_packet *p, void *arg)
{
	static const uint8_t zeros[LONG_SIZE];
	struct longer *l = arg;
	static struct sealed s;

	if (!sealed_open(w, p, &s) || s.header.exchange != l->exchange || is_answer(&s.header) != l->response)
		return PASS;
	sealed_add(&s, l->done & 1 ? UNKNOWN : PAYLOAD_VENDOR, zeros,
		   LONG_SIZE - AROUND - PAYLOAD_HEADER_SIZE - s.size);
	sealed_put(w, p, &s);
	assert_int_equal(p->size, LONG_SIZE);
	l->done++;
	return PASS;
}

/* In one datagram each, and taken at once: RFC 7296 section 2. */
static void long_messages_are_taken(void **state)
{
	for (int response = 0; response < 2; response++) {
		struct longer auth = {EXCHANGE_IKE_AUTH, response, 0, 0},
			      rekey = {EXCHANGE_CREATE_CHILD_SA, response, 0, 0};
		struct world *w = connect_through(state, make_longer, &auth, 200);

		assert_int_equal(auth.done, 1);
		assert_int_equal(w->sent, 4);
		assert_true(world_is_up(w));
		for (int ike = 0; ike < 2; ike++) {
			rekey.done = (unsigned)ike;
			w = rekey_through(state, make_longer, &rekey, ike);
			assert_int_equal(rekey.done, ike + 1);
			assert_done(w, 0);
		}
	}
}

/* In the clear. AUTH is over what was sent, so that it cannot go on: but it is answered. */
static enum fate make_init_longer(struct world *w, struct world_packet *p, void *arg)
{
	struct longer *l = arg;
	struct message m;

	(void)w;
	if (packet_is_init_request(p)) {
		put_cookie(p, (uint16_t)(LONG_SIZE - p->size - 8));
		p->data[16] = PAYLOAD_VENDOR;
		assert_int_equal(p->size, LONG_SIZE);
		l->done++;
	} else if (p->to == 0 && message_parse(&m, p->data, p->size) && m.header.exchange == EXCHANGE_IKE_SA_INIT) {
		l->answered += message_find(&m, PAYLOAD_SA) && message_find(&m, PAYLOAD_NONCE);
	}
	return PASS;
}

static void long_first_message_is_taken(void **state)
{
	struct longer l = {.exchange = EXCHANGE_IKE_SA_INIT};

	connect_through(state, make_init_longer, &l, 200);
	assert_int_equal(l.done, 1);
	assert_int_equal(l.answered, 1);
}

/* ---- of no IKE SA ---- */

struct strangers {
	bool giving;
	unsigned given;
	unsigned answered;
};

static void give(struct world *w, const struct world_packet *p, const uint8_t *data, size_t size)
{
	engine_receive(w->hosts[p->to].engine, &p->path, data, size);
}

/* The request with SPIs that are not here: the initiator's, the responder's, both; none for the responder. Each as by
 * either end. */
static unsigned give_strangers(struct world *w, const struct world_packet *p)
{
	uint8_t *data = malloc(p->size);
	unsigned n = 0;

	for (int which = 1; which <= 4; which++) {
		for (int end = 0; end < 2; end++, n++) {
			memcpy(data, p->data, p->size);
			data[7] ^= which & 1;
			data[15] ^= which >> 1 & 1;
			if (which == 4)
				memset(data + 8, 0, 8);
			data[19] ^= end ? FLAG_INITIATOR : 0;
			give(w, p, data, p->size);
		}
	}
	free(data);
	return n;
}

/* The same in the clear, with a word on an SPI of ESP. */
static void give_in_the_clear(struct world *w, const struct world_packet *p)
{
	static const uint8_t notify[] = {0, 0, 0, 12, 0, 0, 0, INVALID_SPI, 1, 2, 3, 4};
	uint8_t data[IKE_HEADER_SIZE + sizeof(notify)];

	memcpy(data, p->data, IKE_HEADER_SIZE);
	memcpy(data + IKE_HEADER_SIZE, notify, sizeof(notify));
	data[15] ^= 1;
	data[16] = PAYLOAD_NOTIFY;
	put_u16(data + 24, 0);
	put_u16(data + 26, sizeof(data));
	give(w, p, data, sizeof(data));
}

static enum fate strangers_first(struct world *w, struct world_packet *p, void *arg)
{
	struct strangers *s = arg;
	struct ike_header h;

	s->answered += s->giving;
	if (s->giving || !header_parse(p->data, p->size, &h) || is_answer(&h))
		return PASS;
	s->giving = true;
	s->given += give_strangers(w, p);
	give_in_the_clear(w, p);
	s->giving = false;
	return PASS;
}

/* Neither by IKE of what is known there, nor by a word in the clear: RFC 7296 section 1.5 leaves it to us. */
static void requests_of_no_ike_sa_get_nothing(void **state)
{
	struct strangers s = {.giving = false};
	struct world *w = *state;
	unsigned before;

	up(w);
	w->filter = strangers_first;
	w->filter_arg = &s;
	for (int i = 0; i < 4; i++) {
		before = w->sent;
		world_rekey(w, i & 1, i & 2);
		world_run(w, 2000);
		/* The rekey, its DELETE, and their answers. */
		assert_int_equal(w->sent - before, 4);
	}
	assert_int_equal(s.given, 4 * 2 * 8);
	assert_int_equal(s.answered, 0);
	assert_true(world_is_up(w));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(times_between_repetitions_grow),
		TEST(repetitions_are_the_same_octets),
		TEST(one_request_at_a_time),
		TEST(whatever_is_asked_is_answered),
		TEST(answer_to_delete_names_the_other_half),
		TEST(answer_leaves_when_packets_are_taken),
		TEST(long_messages_are_taken),
		TEST(long_first_message_is_taken),
		TEST(requests_of_no_ike_sa_get_nothing),
	};

	return cmocka_run_group_tests_name("IKE, requests and answers", tests, NULL, NULL);
}
