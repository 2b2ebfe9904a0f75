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

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] = rotate(v[0], 32) + v[3];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] = rotate(v[2], 32);
}

/* SipHash-2-4 (Aumasson and Bernstein) of 8 bytes. */
static uint64_t sip_hash(const uint64_t key[2], uint64_t word)
{
	const uint64_t words[] = {word, 8ULL << 56};
	uint64_t v[4] = {key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d, key[0] ^ 0x6c7967656e657261,
			 key[1] ^ 0x7465646279746573};

	for (int i = 0; i < 2; i++) {
		v[3] ^= words[i];
		sip_round(v);
		sip_round(v);
		v[0] ^= words[i];
	}
	v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

int ip_id_init(struct ip_ids *ids, struct fault *f)
{
	if (getrandom(ids, sizeof(*ids), 0) != sizeof(*ids))
		return fault(f, EIO, "no random numbers: %s", strerror(errno));
	return 0;
}

uint16_t ip_id_next(struct ip_ids *ids, const uint8_t dst[4])
{
	const uint16_t n = ids->counter++;
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
