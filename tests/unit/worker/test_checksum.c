/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "packet/checksum.h"
#include "vectors/random.h"

/* Once more, under other names, to run the functions that this CPU would not choose. */
static const char *pretended_cpu;
uint64_t pretending_csum_partial(const void *data, size_t len, uint64_t sum);
uint16_t pretending_csum_ipv4_header(const void *header, size_t len);
uint64_t pretending_csum_pseudo(const uint8_t src[4], const uint8_t dst[4], uint8_t proto, size_t len);
uint16_t pretending_csum_l4(const uint8_t src[4], const uint8_t dst[4], uint8_t proto, const void *l4, size_t len);
#define csum_partial			pretending_csum_partial
#define csum_ipv4_header		pretending_csum_ipv4_header
#define csum_pseudo			pretending_csum_pseudo
#define csum_l4				pretending_csum_l4
#define __builtin_cpu_supports(feature) (strcmp(feature, pretended_cpu) == 0)
#include "packet/checksum.c"
#undef csum_partial
#undef csum_ipv4_header
#undef csum_pseudo
#undef csum_l4
#undef __builtin_cpu_supports

/* RFC 1071 section 1 to the letter: big-endian 16-bit words, the carry added back each time. */
static uint16_t naive(const uint8_t *p, size_t len, uint16_t sum)
{
	for (size_t i = 0; i < len; i += 2) {
		uint32_t word = (uint32_t)p[i] << 8 | (i + 1 < len ? p[i + 1] : 0);
		uint32_t next = sum + word;

		sum = (uint16_t)((next & 0xffff) + (next >> 16));
	}
	return sum;
}

/* As the bytes that would be put on the wire. */
static uint16_t wire(uint16_t checksum)
{
	uint8_t bytes[2];

	memcpy(bytes, &checksum, sizeof(bytes));
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static void rfc1071_example(void **unused)
{
	static const uint8_t data[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};

	(void)unused;
	assert_int_equal(wire(csum_fold_sum(csum_partial(data, sizeof(data), 0))), 0xddf2);
	assert_int_equal(wire(csum_fold(csum_partial(data, sizeof(data), 0))), 0x220d);
}

static void assert_every_length(uint64_t (*partial)(const void *, size_t, uint64_t))
{
	static uint8_t data[700 + 64];
	uint64_t rnd = 2;

	random_bytes(&rnd, data, sizeof(data));
	for (size_t at = 0; at < 64; at++)
		for (size_t len = 0; len <= 700; len++)
			assert_int_equal(wire(csum_fold_sum(partial(data + at, len, 0))), naive(data + at, len, 0));
}

static void every_length_at_every_alignment(void **unused)
{
	(void)unused;
	assert_every_length(csum_partial);
}

static void every_length_on_other_cpus(void **unused)
{
	(void)unused;
	pretended_cpu = "";
	assert_every_length(pretending_csum_partial);
#ifdef __x86_64__
	pretended_cpu = "avx2";
	if (__builtin_cpu_supports("avx2"))
		assert_every_length(pretending_csum_partial);
	pretended_cpu = "avx512f";
	if (__builtin_cpu_supports("avx512f"))
		assert_every_length(pretending_csum_partial);
#endif
}

static void lengths_up_to_64k(void **unused)
{
	static uint8_t data[65536];
	uint64_t rnd = 3;

	(void)unused;
	for (int round = 0; round < 300; round++) {
		size_t len = random_below(&rnd, sizeof(data) + 1);

		random_bytes(&rnd, data, len);
		assert_int_equal(wire(csum_fold_sum(csum_partial(data, len, 0))), naive(data, len, 0));
	}
	memset(data, 0xff, sizeof(data));
	assert_int_equal(csum_fold_sum(csum_partial(data, sizeof(data), 0)), 0xffff);
	assert_int_equal(csum_fold(csum_partial(data, sizeof(data), 0)), 0);
}

static void pieces_add_up(void **unused)
{
	uint8_t data[2000];
	uint64_t rnd = 4;

	(void)unused;
	random_bytes(&rnd, data, sizeof(data));
	for (int round = 0; round < 2000; round++) {
		size_t len = random_below(&rnd, sizeof(data) + 1);
		size_t cut = random_below(&rnd, len + 1) & ~(size_t)1;
		uint64_t sum = csum_partial(data, cut, 0);

		assert_int_equal(wire(csum_fold_sum(csum_partial(data + cut, len - cut, sum))), naive(data, len, 0));
	}
}

static void fold_takes_any_sum(void **unused)
{
	uint64_t rnd = 5;

	(void)unused;
	assert_int_equal(csum_fold_sum(0), 0);
	assert_int_equal(csum_fold_sum(UINT64_MAX), 0xffff);
	/* 2^16 is 1 in ones' complement, so a fold is the remainder modulo 2^16 - 1, with 0xffff for 0. */
	for (int round = 0; round < 100000; round++) {
		uint64_t sum = random_next(&rnd) >> random_below(&rnd, 64);
		uint16_t rest = (uint16_t)(sum % 0xffff);

		assert_int_equal(csum_fold_sum(sum), rest || sum == 0 ? rest : 0xffff);
	}
}

static void ipv4_header(void **unused)
{
	uint8_t header[60] = {0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11,
			      0xb8, 0x61, 0xc0, 0xa8, 0x00, 0x01, 0xc0, 0xa8, 0x00, 0xc7};
	uint64_t rnd = 6;

	(void)unused;
	assert_int_equal(csum_ipv4_header(header, 20), 0);
	header[10] = header[11] = 0;
	assert_int_equal(wire(csum_ipv4_header(header, 20)), 0xb861);
	for (size_t len = 20; len <= 60; len += 4) {
		random_bytes(&rnd, header, len);
		assert_int_equal(wire(csum_ipv4_header(header, len)), (uint16_t)~naive(header, len, 0));
	}
}

static void tcp_and_udp(void **unused)
{
	uint8_t pseudo[12], l4[1500];
	uint64_t rnd = 7;

	(void)unused;
	for (int round = 0; round < 3000; round++) {
		size_t len = random_below(&rnd, sizeof(l4) + 1);
		uint8_t proto = random_below(&rnd, 2) ? 6 : 17;
		uint16_t expected;

		random_bytes(&rnd, pseudo, 8);
		random_bytes(&rnd, l4, len);
		pseudo[8] = 0;
		pseudo[9] = proto;
		pseudo[10] = (uint8_t)(len >> 8);
		pseudo[11] = (uint8_t)len;
		expected = (uint16_t)~naive(l4, len, naive(pseudo, sizeof(pseudo), 0));
		assert_int_equal(wire(csum_l4(pseudo, pseudo + 4, proto, l4, len)), expected);
	}
}

/* From 192.0.2.1 to 192.0.2.2, made by scapy. */
static void right_and_wrong_datagram(void **unused)
{
	static const uint8_t src[] = {192, 0, 2, 1}, dst[] = {192, 0, 2, 2};
	uint8_t udp[] = {0x04, 0xd2, 0x00, 0x35, 0x00, 0x0d, 0x32, 0xf7, 0x68, 0x65, 0x6c, 0x6c, 0x6f};

	(void)unused;
	assert_int_equal(csum_l4(src, dst, 17, udp, sizeof(udp)), 0);
	for (size_t bit = 0; bit < 8 * sizeof(udp); bit++) {
		udp[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_not_equal(csum_l4(src, dst, 17, udp, sizeof(udp)), 0);
		udp[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc1071_example),
		cmocka_unit_test(every_length_at_every_alignment),
		cmocka_unit_test(every_length_on_other_cpus),
		cmocka_unit_test(lengths_up_to_64k),
		cmocka_unit_test(pieces_add_up),
		cmocka_unit_test(fold_takes_any_sum),
		cmocka_unit_test(ipv4_header),
		cmocka_unit_test(tcp_and_udp),
		cmocka_unit_test(right_and_wrong_datagram),
	};

	return cmocka_run_group_tests_name("checksum", tests, NULL, NULL);
}
