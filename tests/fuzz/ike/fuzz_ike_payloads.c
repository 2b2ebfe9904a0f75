/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A message, and what reads the payloads in it: each of them, wherever it stands. What must hold: a payload is inside
 * the message, and what a reader gives is inside its payload; what is written of it reads as it was.
 */
#include <string.h>

#include "crypto/ke.h"
#include "crypto/sig_scheme.h"
#include "fuzz.h"
#include "identity/auth.h"
#include "identity/identity.h"
#include "keyholder/real_message.h"
#include "scene.h"
#include "stories.h"
#include "wire/proposal.h"
#include "wire/ts.h"

static void require_inside(const void *data, size_t size, const struct payload *p)
{
	const uint8_t *at = data;

	require(!size || (at >= p->data && size <= p->size && at + size <= p->data + p->size));
}

/* ---- SA ---- */

/* What is taken of the peer's proposal, as an answer to a proposal of ours, which has the number 1. */
static void check_esp(struct esp_choice taken)
{
	static struct body b;
	struct esp_choice back;
	struct payload answer = {.type = PAYLOAD_SA};

	require(taken.spi != 0);
	taken.number = 1;
	taken.none = 0;
	body_init(&b);
	proposal_answer_esp(&b, &taken, 0x12345678);
	answer.data = b.data + PAYLOAD_HEADER_SIZE;
	answer.size = b.w.size - PAYLOAD_HEADER_SIZE;
	require(proposal_accept_esp(&answer, ESN_OFFERED, taken.dh, &back) == 0);
	require(back.spi == 0x12345678 && back.esn == taken.esn);
}

static void read_sa(const struct payload *p)
{
	struct ike_choice ike;
	struct esp_choice esp;
	char text[80];

	for (unsigned way = 0; way < 4; way++) {
		const bool first = way & 1;

		if (proposal_choose_ike(p, first, &ike) == 0)
			require(ike.prf >= PRF_HMAC_SHA2_256 && ike.prf <= PRF_HMAC_SHA2_512 && (!first || ike.spi));
		proposal_accept_ike(p, first, &ike);
		if (proposal_choose_esp(p, way & 2 ? ESN_OFFERED : ESN_NEVER, first, &esp) == 0)
			check_esp(esp);
		proposal_accept_esp(p, way & 2 ? ESN_OFFERED : ESN_NEVER, first, &esp);
	}
	proposal_text(p, text, sizeof(text));
	require(strlen(text) < sizeof(text));
}

/* ---- TS ---- */

static const struct selector allowed[] = {
	{0, 65535, 179, 179, 6}, {SELECTOR_ANY_PORT, .proto = 17}, {SELECTOR_ANY_PORT}};

static bool goes_beyond(const struct selector *s, const struct selector *of)
{
	return (of->proto && s->proto != of->proto) || s->local_port_min < of->local_port_min ||
	       s->local_port_max > of->local_port_max || s->remote_port_min < of->remote_port_min ||
	       s->remote_port_max > of->remote_port_max;
}

static void narrow(const struct ts_list *local, const struct ts_list *remote)
{
	static const uint8_t here[4] = {192, 0, 2, 1}, there[4] = {192, 0, 2, 2};
	struct selector out;
	unsigned index;

	if (ts_narrow(local, remote, here, there, allowed, 3, &out, &index))
		require(index < 3 && !goes_beyond(&out, &allowed[index]));
	for (unsigned i = 0; i < 3; i++)
		if (ts_accept(local, remote, here, there, &allowed[i], &out))
			require(!goes_beyond(&out, &allowed[i]));
}

static void read_ts(const struct message *m)
{
	const struct payload *i = message_find(m, PAYLOAD_TSI), *r = message_find(m, PAYLOAD_TSR);
	struct ts_list tsi, tsr;

	if (!i || !r || !ts_parse(i, &tsi) || !ts_parse(r, &tsr))
		return;
	require(tsi.count <= TS_MAX && tsr.count <= TS_MAX);
	narrow(&tsi, &tsr);
	narrow(&tsr, &tsi);
}

/* ---- the others ---- */

static void read_notify(const struct payload *p)
{
	struct notify n;
	uint32_t spi;

	if (!notify_parse(p, &n))
		return;
	require_inside(n.spi, n.spi_size, p);
	require_inside(n.data, n.size, p);
	notify_esp_spi(&n, &spi);
	hash_algorithms_parse(&n);
	require(notify_name(n.type) != NULL);
}

static void read_identity(const struct payload *p)
{
	uint8_t body[IDENTITY_BODY_MAX];
	struct writer w = {.data = body, .room = sizeof(body)};
	struct payload again = {.type = p->type, .data = body};
	struct identity id, back;

	if (!identity_parse(p, &id))
		return;
	identity_write(&w, &id);
	require(!w.bad);
	again.size = w.size;
	require(identity_parse(&again, &back) && back.type == id.type && back.size == id.size &&
		memcmp(back.data, id.data, id.size) == 0);
}

static void read_auth(const struct payload *p)
{
	const struct auth auth = auth_parse(p);

	if (auth.method)
		require_inside(auth.data.data, auth.data.size, p);
	sig_scheme_of(p->data, p->size);
}

static void read_payload(const struct payload *p)
{
	switch (p->type) {
	case PAYLOAD_SA:
		read_sa(p);
		break;
	case PAYLOAD_NOTIFY:
		read_notify(p);
		break;
	case PAYLOAD_IDI:
	case PAYLOAD_IDR:
		read_identity(p);
		break;
	case PAYLOAD_AUTH:
		read_auth(p);
		break;
	}
}

static void on_delete(void *arg, uint32_t spi)
{
	(void)spi;
	++*(unsigned *)arg;
}

static void read_all(const struct message *m, const uint8_t *begin, size_t size)
{
	const struct payload all = {.data = begin, .size = size};
	unsigned deletes = 0;
	struct chunk nonce;
	bool ike;

	require(m->count <= MESSAGE_PAYLOADS_MAX);
	for (unsigned i = 0; i < m->count; i++) {
		require_inside(m->payloads[i].data, m->payloads[i].size, &all);
		read_payload(&m->payloads[i]);
	}
	read_ts(m);
	message_deletes(m, &ike, on_delete, &deletes);
	require(deletes <= size / 4);
	message_error(m);
	ke_group(m);
	ke_public(m);
	if (nonce_read(m, &nonce))
		require_inside(nonce.data, nonce.size, &all);
	require(exchange_name(m->header.exchange) != NULL);
}

/* A first byte of 0: a datagram. Any other is the type of the first payload of a chain, as it is inside SK. */
static void run(const uint8_t *data, size_t size)
{
	static struct message m;
	uint8_t type;

	if (!size)
		return;
	type = *data++;
	size--;
	memset(&m, 0, sizeof(m));
	if (type ? payloads_parse(&m, type, data, size) : message_parse(&m, data, size))
		read_all(&m, data, size);
	for (int ours = 0; ours < 2; ours++)
		is_auth_octets(data, size, type, ours);
}

static struct seed seed;

static void on_datagram(const struct world_packet *p, const struct sealed *inside, unsigned number)
{
	struct seed one = {0};

	(void)number;
	seed_u8(&one, inside ? inside->first : 0);
	if (inside)
		seed_bytes(&one, inside->data, inside->size);
	else
		seed_bytes(&one, p->data, p->size);
	if (one.size < 2000)
		fuzz_seed(one.data, one.size);
}

static void seeds(void)
{
	scene_open();
	for (size_t i = 0; i < STORY_KINDS; i++) {
		story_life(&seed, story_kinds[i]);
		scene_watch(&seed, on_datagram);
	}
}

FUZZER(.name = "ike_payloads", .run = run, .seeds = seeds)
