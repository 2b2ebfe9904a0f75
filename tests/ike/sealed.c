/* SPDX-License-Identifier: BSD-2-Clause */
#include "sealed.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/sk.h"

bool packet_is_init_request(const struct world_packet *p)
{
	struct ike_header h;

	return header_parse(p->data, p->size, &h) && h.exchange == EXCHANGE_IKE_SA_INIT && !(h.flags & FLAG_RESPONSE);
}

/* The keys of who sends it; NULL: unknown. */
static const struct sk_key *key_of(const struct world *w, const struct ike_header *h)
{
	for (unsigned i = 0; i < WORLD_KEYS; i++) {
		const struct world_keys *k = &w->keys[i];

		if (k->spi_i == h->spi_i && k->spi_r == h->spi_r && k->keys.prf)
			return h->flags & FLAG_INITIATOR ? &k->keys.ei : &k->keys.er;
	}
	return NULL;
}

bool sealed_open(const struct world *w, const struct world_packet *p, struct sealed *s)
{
	static struct message m;
	const struct sk_key *key;
	bool authentic;

	if (!message_parse(&m, p->data, p->size) || !message_find(&m, PAYLOAD_SK) || p->size > sizeof(s->data))
		return false;
	s->header = m.header;
	s->first = message_find(&m, PAYLOAD_SK)->next;
	key = key_of(w, &m.header);
	return key && sk_open_part(&m, message_find(&m, PAYLOAD_SK), 0, key, s->data, &s->size, &authentic) == 0;
}

/* header | SK or SKF header | [number, total] | IV | payloads, pad length | ICV */
static void put(const struct world *w, struct world_packet *p, const struct sealed *s, const uint8_t *data, size_t size,
		const uint16_t *fragment)
{
	static uint64_t iv = 1ULL << 40;
	const size_t extra = fragment ? 4 : 0, aad = IKE_HEADER_SIZE + PAYLOAD_HEADER_SIZE + extra,
		     all = aad + SK_IV_SIZE + size + 1 + SK_ICV_SIZE;
	struct ike_header h = s->header;
	struct writer out = {.data = malloc(all), .room = all};
	uint8_t *plain;

	h.next = fragment ? PAYLOAD_SKF : PAYLOAD_SK;
	h.length = (uint32_t)all;
	header_write(&out, &h);
	write_u8(&out, fragment && fragment[0] != 1 ? 0 : s->first);
	write_u8(&out, 0);
	write_u16(&out, (uint16_t)(all - IKE_HEADER_SIZE));
	for (unsigned i = 0; fragment && i < 2; i++)
		write_u16(&out, fragment[i]);
	write_u64(&out, iv++);
	plain = out.data + out.size;
	write_bytes(&out, data, size);
	write_u8(&out, 0);
	if (!gcm_seal(key_of(w, &h), out.data + aad, out.data, aad, plain, size + 1, plain))
		abort();
	free(p->data);
	p->data = out.data;
	p->size = all;
}

void sealed_put(const struct world *w, struct world_packet *p, const struct sealed *s)
{
	put(w, p, s, s->data, s->size, NULL);
}

void sealed_put_fragment(const struct world *w, struct world_packet *p, const struct sealed *s, size_t from,
			 size_t size, uint16_t number, uint16_t total)
{
	const uint16_t fragment[2] = {number, total};

	put(w, p, s, s->data + from, size, fragment);
}

/* Walks the chain; type_at: where the type of the payload at the returned offset is written. */
static int walk(const struct sealed *s, uint8_t type, unsigned nth, const uint8_t **type_at)
{
	const uint8_t *next = &s->first;

	for (size_t at = 0; *next != PAYLOAD_NONE && at + 4 <= s->size; at += get_u16(s->data + at + 2)) {
		if (*next == type && nth-- == 0) {
			*type_at = next;
			return (int)at;
		}
		next = s->data + at;
	}
	return -1;
}

int sealed_find(const struct sealed *s, uint8_t type, unsigned nth)
{
	const uint8_t *unused;

	return walk(s, type, nth, &unused);
}

int sealed_notify(const struct sealed *s, uint16_t type)
{
	int at;

	for (unsigned n = 0; (at = sealed_find(s, PAYLOAD_NOTIFY, n)) >= 0; n++)
		if (get_u16(s->data + at + 6) == type)
			return at;
	return -1;
}

void sealed_cut(struct sealed *s, int at)
{
	const size_t size = get_u16(s->data + at + 2);
	uint8_t *next = &s->first;

	for (int here = 0; here != at; here += get_u16(s->data + here + 2))
		next = s->data + here;
	*next = s->data[at];
	memmove(s->data + at, s->data + at + size, s->size - (size_t)at - size);
	s->size -= size;
}

void sealed_add(struct sealed *s, uint8_t type, const void *data, size_t size)
{
	memmove(s->data + 4 + size, s->data, s->size);
	s->data[0] = s->first;
	s->data[1] = 0;
	put_u16(s->data + 2, (unsigned)(4 + size));
	memcpy(s->data + 4, data, size);
	s->size += 4 + size;
	s->first = type;
}

int sealed_transform(const struct sealed *s, uint8_t type, uint16_t id)
{
	const int sa = sealed_find(s, PAYLOAD_SA, 0);
	size_t at, end;

	if (sa < 0)
		return -1;
	at = (size_t)sa + 4;
	end = at + get_u16(s->data + at + 2);
	for (at += 8U + s->data[at + 6]; at + 8 <= end; at += get_u16(s->data + at + 2))
		if (s->data[at + 4] == type && get_u16(s->data + at + 6) == id)
			return (int)at + 6;
	return -1;
}
