/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>

#include "sk.h"

/* What a datagram has beside the plaintext and its pad length. */
#define SK_OVERHEAD  (IKE_HEADER_SIZE + PAYLOAD_HEADER_SIZE + SK_IV_SIZE + 1 + SK_ICV_SIZE)
#define SKF_OVERHEAD (SK_OVERHEAD + SKF_HEADER_SIZE)

struct part {
	const uint8_t *data;
	size_t size;
	uint16_t number; /* from 1; 0: the message is whole */
	uint16_t total;
	uint8_t first;
};

/* One datagram at the end of w: header, SK or SKF, sealed in place. */
static bool seal_part(struct writer *w, const struct ike_header *h, const struct part *p, struct sk_key *key)
{
	const size_t begun = w->size, overhead = p->number ? SKF_OVERHEAD : SK_OVERHEAD;
	struct ike_header header = *h;
	uint8_t *plain, *iv;
	size_t aad;

	header.next = p->number ? PAYLOAD_SKF : PAYLOAD_SK;
	header.length = (uint32_t)(overhead + p->size);
	header_write(w, &header);
	write_u8(w, p->first);
	write_u8(w, 0);
	write_u16(w, (uint16_t)(header.length - IKE_HEADER_SIZE));
	if (p->number) {
		write_u16(w, p->number);
		write_u16(w, p->total);
	}
	aad = w->size - begun;
	write_u64(w, ++key->iv);
	write_bytes(w, p->data, p->size);
	write_u8(w, 0);
	if (!write_room(w, SK_ICV_SIZE))
		return false;
	iv = w->data + begun + aad;
	plain = iv + SK_IV_SIZE;
	return gcm_seal(key, iv, w->data + begun, aad, plain, p->size + 1, plain);
}

static int seal_parts(struct flight *out, const struct ike_header *h, const struct body *b, struct sk_key *key,
		      size_t part_size, size_t total)
{
	const size_t room = b->w.size + total * SKF_OVERHEAD;
	struct writer w = {.data = malloc(room), .room = room};

	if (!w.data)
		return -ENOMEM;
	out->data = w.data;
	for (size_t i = 0; i < total; i++) {
		const size_t at = i * part_size, left = b->w.size - at, before = w.size;
		const struct part p = {
			.data = b->data + at,
			.size = left < part_size ? left : part_size,
			.number = total > 1 ? (uint16_t)(i + 1) : 0,
			.total = (uint16_t)total,
			.first = i == 0 ? b->first : PAYLOAD_NONE,
		};

		if (!seal_part(&w, h, &p, key)) {
			flight_free(out);
			return -EIO;
		}
		out->sizes[out->count++] = (uint16_t)(w.size - before);
	}
	return 0;
}

int flight_seal(struct flight *out, const struct ike_header *h, const struct body *b, struct sk_key *key, size_t max)
{
	size_t part_size = b->w.size, total = 1;

	*out = (struct flight){.id = h->id};
	if (b->w.bad)
		return -EMSGSIZE;
	if (max && b->w.size + SK_OVERHEAD > max) {
		part_size = max - SKF_OVERHEAD;
		total = (b->w.size + part_size - 1) / part_size;
	}
	return total > FRAGMENTS_MAX ? -EMSGSIZE : seal_parts(out, h, b, key, part_size, total);
}

int flight_clear(struct flight *out, const struct ike_header *h, const struct body *b)
{
	const size_t room = IKE_HEADER_SIZE + b->w.size;
	size_t size;

	*out = (struct flight){.id = h->id};
	out->data = malloc(room);
	if (!out->data)
		return -ENOMEM;
	size = message_write(h, b, out->data, room);
	if (!size || size > UINT16_MAX) {
		flight_free(out);
		return -EMSGSIZE;
	}
	out->sizes[0] = (uint16_t)size;
	out->count = 1;
	return 0;
}

void flight_free(struct flight *f)
{
	free(f->data);
	*f = (struct flight){0};
}
