/* SPDX-License-Identifier: BSD-2-Clause */
#include "checksum.h"

#include <endian.h>
#include <string.h>

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

/*
 * 32-bit words are added up, so carries need no care before the fold (RFC 1071
 * section 2 (C)). Each lane brings two: the upper ones are summed by themselves;
 * the lower ones' sum is that of all, modulo 2^64, less the upper ones' part in it.
 *
 * One function per register width, because gcc 12 takes wider vectors apart on
 * the stack; volatile, because it would load each twice.
 */
#define DEFINE_SUM(name, width, target) \
	target static uint64_t name(const uint8_t *p, size_t len, uint64_t sum) \
	{ \
		typedef uint64_t lanes __attribute__((vector_size(width), aligned(1), may_alias)); \
		lanes all = {0}, upper = {0}; \
\
		for (; len >= (width); p += (width), len -= (width)) { \
			const lanes words = *(const volatile lanes *)p; \
\
			all += words; \
			upper += words >> 32; \
		} \
		all += upper - (upper << 32); \
		for (size_t i = 0; i < (width) / sizeof(all[0]); i++) \
			sum += all[i]; \
		return sum_tail(p, len, sum); \
	} \
	_Static_assert((width) % sizeof(uint64_t) == 0, "a register is whole lanes")

DEFINE_SUM(sum_128, 16, );
#ifdef __x86_64__
DEFINE_SUM(sum_256, 32, __attribute__((target("avx2"))));
DEFINE_SUM(sum_512, 64, __attribute__((target("avx512f"))));
#endif

/* By hand, as clang 14 emits target_clones under a wrong name. */
uint64_t csum_partial(const void *data, size_t len, uint64_t sum)
{
#ifdef __x86_64__
	if (__builtin_cpu_supports("avx512f"))
		return sum_512(data, len, sum);
	if (__builtin_cpu_supports("avx2"))
		return sum_256(data, len, sum);
#endif
	return sum_128(data, len, sum);
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
