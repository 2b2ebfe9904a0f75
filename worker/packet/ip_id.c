/* SPDX-License-Identifier: BSD-2-Clause */
#include "ip_id.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

/* Of a Feistel network whose function nobody can guess, 4 rounds look random from both sides (Luby and Rackoff). */
#define ROUNDS 4

static uint64_t rotate(uint64_t v, int by)
{
	return v << by | v >> (64 - by);
}

struct sip {
	uint64_t a, b, c, d;
};

static inline void sip_round(struct sip *s)
{
	s->a += s->b;
	s->c += s->d;
	s->b = rotate(s->b, 13) ^ s->a;
	s->d = rotate(s->d, 16) ^ s->c;
	s->a = rotate(s->a, 32) + s->d;
	s->c += s->b;
	s->b = rotate(s->b, 17) ^ s->c;
	s->d = rotate(s->d, 21) ^ s->a;
	s->c = rotate(s->c, 32);
}

static inline void sip_take(struct sip *s, uint64_t word)
{
	s->d ^= word;
	sip_round(s);
	sip_round(s);
	s->a ^= word;
}

/* SipHash-2-4 (Aumasson and Bernstein) of 8 bytes. */
static uint64_t sip_hash(const uint64_t key[2], uint64_t word)
{
	struct sip s = {key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d, key[0] ^ 0x6c7967656e657261,
			key[1] ^ 0x7465646279746573};

	sip_take(&s, word);
	sip_take(&s, 8ULL << 56);
	s.c ^= 0xff;
	sip_round(&s);
	sip_round(&s);
	sip_round(&s);
	sip_round(&s);
	return s.a ^ s.b ^ s.c ^ s.d;
}

int ip_id_init(struct ip_ids *ids, struct fault *f)
{
	if (getrandom(ids, sizeof(*ids), 0) != sizeof(*ids))
		return fault(f, EIO, "no random numbers: %s", strerror(errno));
	return 0;
}

uint16_t ip_id_next(struct ip_ids *ids, const uint8_t dst[4])
{
	const uint16_t n = __atomic_fetch_add(&ids->counter, 1, __ATOMIC_RELAXED);
	uint8_t left = (uint8_t)(n >> 8), right = (uint8_t)n;
	uint32_t to;

	memcpy(&to, dst, sizeof(to));
	for (uint64_t round = 0; round < ROUNDS; round++) {
		const uint8_t mixed = left ^ (uint8_t)sip_hash(ids->key, to | round << 32 | (uint64_t)right << 40);

		left = right;
		right = mixed;
	}
	return (uint16_t)(left << 8 | right);
}
