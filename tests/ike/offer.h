/* SPDX-License-Identifier: BSD-2-Clause */
/* SA payloads as peers make them, and what is chosen of them. For tests with cmocka. */
#ifndef TESTS_IKE_OFFER_H
#define TESTS_IKE_OFFER_H

#include <stdint.h>

#include "wire/proposal.h"

struct transform {
	uint8_t type;
	uint16_t id;
	uint16_t key_bits; /* 0: no attribute */
	uint16_t other;	   /* another attribute's type; 0: none */
};

static uint8_t data[4000];
static struct writer w;

static inline void begin(void)
{
	w = (struct writer){.data = data, .room = sizeof(data)};
}

static inline void add_transform(const struct transform *t, bool last)
{
	write_u8(&w, last ? 0 : 3);
	write_u8(&w, 0);
	write_u16(&w, (uint16_t)(8 + (t->key_bits ? 4 : 0) + (t->other ? 4 : 0)));
	write_u8(&w, t->type);
	write_u8(&w, 0);
	write_u16(&w, t->id);
	if (t->other) {
		write_u16(&w, 0x8000 | t->other);
		write_u16(&w, 1);
	}
	if (t->key_bits) {
		write_u16(&w, 0x800e);
		write_u16(&w, t->key_bits);
	}
}

static inline void add(uint8_t number, uint8_t protocol, const char *spi, uint8_t spi_size, const struct transform *t,
		       uint8_t count, bool last)
{
	const size_t begun = w.size;

	write_u8(&w, last ? 0 : 2);
	write_u8(&w, 0);
	write_u16(&w, 0);
	write_u8(&w, number);
	write_u8(&w, protocol);
	write_u8(&w, spi_size);
	write_u8(&w, count);
	write_bytes(&w, spi, spi_size);
	for (uint8_t i = 0; i < count; i++)
		add_transform(&t[i], i + 1 == count);
	rewrite_u16(&w, begun + 2, (uint16_t)(w.size - begun));
}

static inline struct payload made(void)
{
	return (struct payload){.type = PAYLOAD_SA, .data = data, .size = w.size};
}

#define GCM \
	{ \
		TRANSFORM_ENCR, ENCR_AES_GCM_16, 256, 0 \
	}
/* Without a length of its keys. */
#define PLAIN(type, id) \
	{ \
		type, id, 0, 0 \
	}
#define PRF(n)	 PLAIN(TRANSFORM_PRF, n)
#define DH(n)	 PLAIN(TRANSFORM_DH, n)
#define ESN(n)	 PLAIN(TRANSFORM_ESN, n)
#define INTEG(n) PLAIN(TRANSFORM_INTEG, n)
/* Additional Key Exchange n (from 1), RFC 9370. */
#define ADDKE(n, id) PLAIN((n) + 5, id)
#define COUNT(all)   ((uint8_t)(sizeof(all) / sizeof((all)[0])))

static inline int ike(const struct transform *t, uint8_t count, struct ike_choice *c)
{
	struct payload p;

	begin();
	add(1, PROTOCOL_IKE, "", 0, t, count, true);
	p = made();
	return proposal_choose_ike(&p, false, c);
}

static inline int esp(const struct transform *t, uint8_t count, enum esn_policy esn, bool dh, struct esp_choice *c)
{
	struct payload p;

	begin();
	add(1, PROTOCOL_ESP, "\1\2\3\4", 4, t, count, true);
	p = made();
	return proposal_choose_esp(&p, esn, dh, c);
}

#endif
