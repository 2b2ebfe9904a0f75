/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A peer that has the keys and does what no peer should: a datagram on its way
 * is opened, changed inside, and sealed again.
 *
 *   if (sealed_open(w, p, &s)) { ...; sealed_put(w, p, &s); }
 */
#ifndef TESTS_IKE_SEALED_H
#define TESTS_IKE_SEALED_H

#include "wire/message.h"
#include "world.h"

struct sealed {
	struct ike_header header;
	uint8_t first; /* type of the first payload inside */
	size_t size;
	uint8_t data[8192]; /* the payloads, without padding */
};

/* False: it has no SK payload, or nobody has logged its keys yet. */
bool sealed_open(const struct world *w, const struct world_packet *p, struct sealed *s);

/* p becomes what s says. */
void sealed_put(const struct world *w, struct world_packet *p, const struct sealed *s);

/* The same as a fragment, whatever its numbers: the bytes of s from `from`, so many. */
void sealed_put_fragment(const struct world *w, struct world_packet *p, const struct sealed *s, size_t from,
			 size_t size, uint16_t number, uint16_t total);

/* Where the nth (from 0) payload of that type begins, with its generic header; -1: nowhere. */
int sealed_find(const struct sealed *s, uint8_t type, unsigned nth);
/* The notify of that type. */
int sealed_notify(const struct sealed *s, uint16_t type);

/* Takes a payload out of the chain. */
void sealed_cut(struct sealed *s, int at);

/* Puts a payload in front of all others. */
void sealed_add(struct sealed *s, uint8_t type, const void *data, size_t size);

/* The transform of that type and ID in the SA payload: where its ID is; -1: nowhere. */
int sealed_transform(const struct sealed *s, uint8_t type, uint16_t id);

static inline uint16_t get_u16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static inline void put_u16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* IKE_SA_INIT's, in the clear. */
bool packet_is_init_request(const struct world_packet *p);

#endif
