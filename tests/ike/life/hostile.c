/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "life.h"
#include "wire/proposal.h"
#include "sealed.h"
#include "wire/ts.h"

#define DELETES_MANY 200
/* Of C's IKE SAs: those before have most often come to their end. */
#define LATEST 12

static const uint16_t notifies[] = {
	INVALID_SYNTAX,
	UNSUPPORTED_CRITICAL_PAYLOAD,
	INVALID_IKE_SPI,
	INVALID_MESSAGE_ID,
	INVALID_SPI,
	NO_PROPOSAL_CHOSEN,
	INVALID_KE_PAYLOAD,
	AUTHENTICATION_FAILED,
	SINGLE_PAIR_REQUIRED,
	NO_ADDITIONAL_SAS,
	TS_UNACCEPTABLE,
	INVALID_SELECTORS,
	TEMPORARY_FAILURE,
	CHILD_SA_NOT_FOUND,
	INITIAL_CONTACT,
	SET_WINDOW_SIZE,
	COOKIE,
	REKEY_SA,
	8191,
	40000,
	65535,
};

static uint16_t any_notify(struct life *l)
{
	return notifies[life_dice(l, sizeof(notifies) / sizeof(notifies[0]))];
}

/* ---- which IKE SA ---- */

static struct life_line *line_of(struct life *l, const struct ike_header *h)
{
	struct life_line *line;

	for (unsigned i = 0; i < l->line_count && i < LIFE_LINES; i++)
		if (l->lines[i].spi_i == h->spi_i && l->lines[i].spi_r == h->spi_r)
			return &l->lines[i];
	line = &l->lines[l->line_count++ % LIFE_LINES];
	*line = (struct life_line){.spi_i = h->spi_i, .spi_r = h->spi_r, .initiator = h->flags & FLAG_INITIATOR};
	return line;
}

/* One whose keys are known, of the latest, with that host; -1: with any. NULL: none. */
static struct life_line *any_line(struct life *l, int to)
{
	const unsigned known = l->line_count < LATEST ? l->line_count : LATEST;
	struct life_line *line;

	for (int tries = 0; known && tries < 16; tries++) {
		line = &l->lines[(l->line_count - 1 - life_dice(l, known)) % LIFE_LINES];
		for (unsigned i = 0; i < WORLD_KEYS && (to < 0 || line->to == to); i++)
			if (l->book.keys[i].spi_i == line->spi_i && l->book.keys[i].spi_r == line->spi_r)
				return line;
	}
	return NULL;
}

/* ---- what to say ---- */

/* An SPI by which the other end knows a child of C's, or thinks it does. */
static uint32_t any_spi(struct life *l, int to)
{
	const struct life_host *c = &l->hosts[LIFE_C];
	const unsigned first = c->sas ? life_dice(l, c->sas) : 0;

	for (unsigned i = 0; i < c->sas; i++) {
		const struct world_sa *sa = &c->sad[(first + i) % c->sas];

		if (sa->used && sa->spec.inbound && memcmp(sa->spec.src, l->hosts[to].addr, 4) == 0)
			return sa->spec.spi;
	}
	return life_dice(l, 1U << 31);
}

/* Of any connection between the two, or of none. */
static struct selector any_selector(struct life *l, int to)
{
	const struct life_flow *f;

	for (int tries = 0; tries < 64; tries++) {
		f = &l->flows[life_dice(l, l->flow_count)];
		if (f->from == LIFE_C && f->to == to)
			return f->selector;
	}
	return SELECTOR_ALL;
}

static void write_key_exchange(struct life *l, struct body *b)
{
	uint8_t bytes[4 + 96] = {0, DH_ECP_384};

	for (unsigned i = 4; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)life_dice(l, 256);
	payload_write(b, PAYLOAD_NONCE, bytes + 4, NONCE_SIZE);
	payload_write(b, PAYLOAD_KE, bytes, sizeof(bytes));
}

static void write_child_for(struct life *l, struct body *b, int to, const struct selector *s)
{
	const uint8_t *ours = l->hosts[LIFE_C].addr, *theirs = l->hosts[to].addr;

	notify_write(b, USE_TRANSPORT_MODE, NULL, 0);
	proposal_offer_esp(b, 256 + life_dice(l, 1U << 30), ESN_OFFERED, true);
	write_key_exchange(l, b);
	ts_write(b, PAYLOAD_TSI, ours, (uint8_t)s->proto, s->local_port_min, s->local_port_max);
	ts_write(b, PAYLOAD_TSR, theirs, (uint8_t)s->proto, s->remote_port_min, s->remote_port_max);
}

static void write_child(struct life *l, struct body *b, int to)
{
	const struct selector s = any_selector(l, to);

	write_child_for(l, b, to, &s);
}

static void write_deletes(struct life *l, struct body *b, int to)
{
	uint32_t spis[DELETES_MANY];
	const unsigned count = 1 + life_dice(l, life_chance(l, 50) ? 4 : DELETES_MANY);

	for (unsigned i = 0; i < count; i++)
		spis[i] = life_chance(l, 30) ? any_spi(l, to) : life_dice(l, 1U << 31);
	delete_write_esp(b, spis, count);
}

static uint8_t say_rekey_child(struct life *l, struct body *b, int to)
{
	notify_write_esp(b, REKEY_SA, any_spi(l, to), NULL, 0);
	write_child(l, b, to);
	return EXCHANGE_CREATE_CHILD_SA;
}

static uint8_t say_child(struct life *l, struct body *b, int to)
{
	write_child(l, b, to);
	return EXCHANGE_CREATE_CHILD_SA;
}

static uint8_t say_rekey_ike(struct life *l, struct body *b, int to)
{
	(void)to;
	proposal_offer_ike(b, 1 + life_dice(l, 1U << 31));
	write_key_exchange(l, b);
	return EXCHANGE_CREATE_CHILD_SA;
}

static uint8_t say_deletes(struct life *l, struct body *b, int to)
{
	write_deletes(l, b, to);
	return EXCHANGE_INFORMATIONAL;
}

static uint8_t say_end(struct life *l, struct body *b, int to)
{
	(void)l;
	(void)to;
	delete_write_ike(b);
	return EXCHANGE_INFORMATIONAL;
}

static uint8_t say_notifies(struct life *l, struct body *b, int to)
{
	(void)to;
	for (unsigned n = 1 + life_dice(l, 3); n; n--)
		notify_write(b, any_notify(l), "what is this", life_dice(l, 12));
	return EXCHANGE_INFORMATIONAL;
}

static uint8_t say_unknown(struct life *l, struct body *b, int to)
{
	(void)to;
	payload_write(b, 200, "unknown", 7);
	if (life_chance(l, 50))
		b->data[b->begun + 1] = 0x80;
	return life_chance(l, 50) ? EXCHANGE_INFORMATIONAL : (uint8_t)(34 + life_dice(l, 6));
}

static uint8_t say_garbage(struct life *l, struct body *b, int to)
{
	(void)to;
	payload_write(b, PAYLOAD_NOTIFY, "\0\4\1\1", 4);
	rewrite_u16(&b->w, b->begun + 2, (uint16_t)life_dice(l, 65536));
	return EXCHANGE_INFORMATIONAL;
}

static uint8_t (*const sayings[])(struct life *l, struct body *b, int to) = {
	say_rekey_child, say_rekey_child, say_rekey_child, say_child,	 say_child,   say_rekey_ike,
	say_deletes,	 say_deletes,	  say_end,	   say_notifies, say_unknown, say_garbage,
};

static void send(struct life *l, struct life_line *line, const struct body *b, uint8_t exchange)
{
	static struct sealed s;
	struct world_packet p = {.to = line->to, .path = line->path};

	s.header = (struct ike_header){
		.spi_i = line->spi_i,
		.spi_r = line->spi_r,
		.version = IKE_VERSION,
		.exchange = exchange,
		.flags = line->initiator ? FLAG_INITIATOR : 0,
		.id = line->next_id++,
	};
	s.first = b->first;
	s.size = b->w.size;
	memcpy(s.data, b->data, b->w.size);
	sealed_put(&l->book, &p, &s);
	life_enqueue(l, LIFE_C, &p, l->latency_ms);
}

void hostile_send(struct life *l)
{
	static struct body b;
	struct life_line *line = any_line(l, -1);
	const unsigned what = life_dice(l, sizeof(sayings) / sizeof(sayings[0]));

	if (!line)
		return;
	body_init(&b);
	life_note(l, "C says %u to %c, id %u", what, "ABC"[line->to], line -> next_id);
	send(l, line, &b, sayings[what](l, &b, line->to));
}

void hostile_ask_for(struct life *l, int to, const struct selector *s)
{
	static struct body b;
	struct life_line *line = any_line(l, to);

	if (!line)
		return;
	body_init(&b);
	write_child_for(l, &b, to, s);
	life_note(l, "C asks for a child of %c, id %u", "ABC"[to], line -> next_id);
	send(l, line, &b, EXCHANGE_CREATE_CHILD_SA);
}

/* ---- what its own engine says, changed ---- */

static void answer_error(struct life *l, struct sealed *s)
{
	static struct body b;

	body_init(&b);
	notify_write(&b, life_chance(l, 50) ? any_notify(l) : CHILD_SA_NOT_FOUND, NULL, 0);
	s->first = b.first;
	s->size = b.w.size;
	memcpy(s->data, b.data, b.w.size);
}

static void cut_one(struct life *l, struct sealed *s)
{
	static const uint8_t types[] = {PAYLOAD_SA,	PAYLOAD_KE,  PAYLOAD_NONCE,
					PAYLOAD_NOTIFY, PAYLOAD_TSI, PAYLOAD_DELETE};
	const int at = sealed_find(s, types[life_dice(l, sizeof(types))], 0);

	if (at >= 0)
		sealed_cut(s, at);
}

static void other_selector(struct life *l, struct sealed *s, int to)
{
	const struct selector other = any_selector(l, to);
	const bool response = s->header.flags & FLAG_RESPONSE;

	for (int end = 0; end < 2; end++) {
		const int at = sealed_find(s, end ? PAYLOAD_TSR : PAYLOAD_TSI, 0);
		const bool ours = (end == 0) != response;

		if (at < 0)
			return;
		s->data[at + 9] = (uint8_t)other.proto;
		put_u16(s->data + at + 12, ours ? other.local_port_min : other.remote_port_min);
		put_u16(s->data + at + 14, ours ? other.local_port_max : other.remote_port_max);
	}
}

static void other_child(struct life *l, struct sealed *s, int to)
{
	const int at = sealed_notify(s, REKEY_SA);
	const uint32_t spi = any_spi(l, to);

	if (at < 0 || s->data[at + 5] != 4)
		return;
	put_u16(s->data + at + 8, spi >> 16);
	put_u16(s->data + at + 10, spi & 0xffff);
}

static void change(struct life *l, struct sealed *s, int to)
{
	if (s->header.flags & FLAG_RESPONSE && life_chance(l, 40)) {
		answer_error(l, s);
		return;
	}
	switch (life_dice(l, 5)) {
	case 0:
		cut_one(l, s);
		break;
	case 1:
		sealed_add(s, PAYLOAD_NOTIFY, "\0\0\x9c\x40", 4);
		break;
	case 2:
		other_child(l, s, to);
		break;
	default:
		other_selector(l, s, to);
	}
}

void hostile_look(struct life *l, struct world_packet *p)
{
	static struct sealed s;
	struct ike_header h;
	struct life_line *line;

	if (!header_parse(p->data, p->size, &h) || h.exchange == EXCHANGE_IKE_SA_INIT)
		return;
	line = line_of(l, &h);
	line->to = p->to;
	line->path = p->path;
	if (!(h.flags & FLAG_RESPONSE))
		line->next_id = h.id + 1;
	if (!l->hostile || h.exchange == EXCHANGE_IKE_AUTH || !life_chance(l, 25) || !sealed_open(&l->book, p, &s))
		return;
	change(l, &s, p->to);
	sealed_put(&l->book, p, &s);
	life_note(l, "C's message to %c, exchange %u, id %u%s, is changed", "ABC"[p->to], h.exchange, h.id,
		  h.flags & FLAG_RESPONSE ? ", an answer" : "");
}
