/* SPDX-License-Identifier: BSD-2-Clause */
#include "checksum.h"

#include <endian.h>
#include <string.h>

/* The compiler makes of it what the CPU has: two AVX2, four SSE2 or NEON operations. */
typedef uint64_t lanes __attribute__((vector_size(32)));

#if defined(__x86_64__) && defined(__ELF__)
#define FOR_EACH_CPU __attribute__((target_clones("avx2", "default")))
#else
#define FOR_EACH_CPU
#endif

#define BLOCK (2 * sizeof(lanes))

/* What is left of less than a block. */
static inline uint64_t sum_tail(const uint8_t *p, size_t len, uint64_t sum)
{
	uint32_t word;
	uint16_t half;

	for (; len >= sizeof(word); p += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		sum += word;
	}
	if (len & 2) {
		memcpy(&half, p, sizeof(half));
		sum += half;
		p += sizeof(half);
	}
	if (len & 1)
		sum += htobe16((uint16_t)(*p << 8));
	return sum;
}

/* 32-bit words are added up in 64-bit lanes, so carries need no care before the fold (RFC 1071 section 2 (C)). */
FOR_EACH_CPU uint64_t csum_partial(const void *data, size_t len, uint64_t sum)
{
	const uint8_t *p = data;
	lanes low = {0}, high = {0}, a, b;

	for (; len >= BLOCK; p += BLOCK, len -= BLOCK) {
		memcpy(&a, p, sizeof(a));
		memcpy(&b, p + sizeof(a), sizeof(b));
		low += (a & 0xffffffff) + (b & 0xffffffff);
		high += (a >> 32) + (b >> 32);
	}
	low += high;
	return sum_tail(p, len, sum + low[0] + low[1] + low[2] + low[3]);
}

uint16_t csum_ipv4_header(const void *header, size_t len)
{
	return csum_fold(sum_tail(header, len, 0));
}

uint64_t csum_pseudo(const uint8_t src[4], const uint8_t dst[4], uint8_t proto, size_t len)
{
	uint32_t s, d;

	memcpy(&s, src, sizeof(s));
	memcpy(&d, dst, sizeof(d));
	return (uint64_t)s + d + htobe16(proto) + htobe16((uint16_t)len);
}

uint16_t csum_l4(const uint8_t src[4], const uint8_t dst[4], uint8_t proto, const void *l4, size_t len)
{
	return csum_fold(csum_partial(l4, len, csum_pseudo(src, dst, proto, len)));
}
