/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "packet/fragment.h"
#include "packets.h"

static uint8_t packet[ETH_LEN_MAX + IP_LEN_MAX + 65536], out[65536];

/* An Ethernet and IP header for ESP, with these options. */
static void make_headers(size_t l2, const uint8_t *options, size_t options_len)
{
	uint8_t *ip = packet + l2;

	memset(packet, 0x5a, l2);
	memset(ip, 0, IP_LEN_MIN);
	ip[0] = (uint8_t)(0x40 | (IP_LEN_MIN + options_len) / 4);
	ip[IP_TOS] = 0xbb;
	ip[IP_TTL] = 17;
	store_be16(ip + IP_ID, 1);
	ip[IP_PROTO] = PROTO_ESP;
	memcpy(ip + IP_SRC, test_src, 4);
	memcpy(ip + IP_DST, test_dst, 4);
	if (options_len)
		memcpy(ip + IP_LEN_MIN, options, options_len);
}

/* Cuts len bytes and looks at every fragment. later: what of the options is left after the first. */
static void check(size_t l2, const uint8_t *options, size_t options_len, const uint8_t *later, size_t later_len,
		  size_t len, size_t mtu)
{
	const size_t first_header = IP_LEN_MIN + options_len, later_header = IP_LEN_MIN + later_len;
	uint8_t *payload = packet + l2 + first_header;
	struct fragmenter f;
	size_t at = 0;

	make_headers(l2, options, options_len);
	fill_payload(payload, len, 5);
	fragment_begin(&f, packet, l2, 0xabcd, payload, len, mtu);
	assert_int_equal(fragment_left(&f), len);
	while (fragment_left(&f)) {
		const size_t n = fragment_next(&f, out), header = at ? later_header : first_header;
		const uint8_t *ip = out + l2;
		const size_t piece = n - l2 - header;
		const bool last = !fragment_left(&f);

		assert_true(n - l2 <= mtu);
		assert_true(last || (piece % 8 == 0 && piece + 8 > mtu - header));
		assert_memory_equal(out, packet, l2);
		assert_int_equal(ip[0], 0x40 | header / 4);
		assert_int_equal(ip[IP_TOS], 0xbb);
		assert_int_equal(load_be16(ip + IP_TOTAL_LEN), header + piece);
		assert_int_equal(load_be16(ip + IP_ID), 0xabcd);
		assert_int_equal(load_be16(ip + IP_FRAG), at / 8 | (last ? 0 : IP_MF));
		assert_int_equal(ip[IP_TTL], 17);
		assert_int_equal(ip[IP_PROTO], PROTO_ESP);
		assert_memory_equal(ip + IP_SRC, packet + l2 + IP_SRC, 8);
		assert_int_equal(csum_ipv4_header(ip, header), 0);
		assert_memory_equal(ip + IP_LEN_MIN, at ? later : options, header - IP_LEN_MIN);
		assert_memory_equal(ip + header, payload + at, piece);
		at += piece;
	}
	assert_int_equal(at, len);
}

static void cut_to_the_mtu(void **state)
{
	static const size_t mtus[] = {68, 576, 1280, 1499, 1500, 3500};

	(void)state;
	for (size_t i = 0; i < sizeof(mtus) / sizeof(mtus[0]); i++) {
		check(ETH_LEN, NULL, 0, NULL, 0, 65515, mtus[i]);
		for (size_t len = 1; len < 3 * mtus[i]; len += 1 + len % 7)
			check(ETH_LEN_MAX, NULL, 0, NULL, 0, len, mtus[i]);
	}
}

static void one_that_fits_is_no_fragment(void **state)
{
	struct fragmenter f;

	(void)state;
	make_headers(ETH_LEN, NULL, 0);
	fragment_begin(&f, packet, ETH_LEN, 9, packet + ETH_LEN + IP_LEN_MIN, 1480, 1500);
	assert_int_equal(fragment_next(&f, out), ETH_LEN + 1500);
	assert_int_equal(load_be16(out + ETH_LEN + IP_FRAG), 0);
	assert_int_equal(fragment_left(&f), 0);
}

/* RFC 791 section 3.1: the copied flag is the first bit of an option's type. */
static void options_with_the_copied_flag_go_into_all(void **state)
{
	/* router alert (copied), record route (not), no operation, security (copied, 11 bytes), end */
	static const uint8_t mixed[] = {0x94, 4, 0, 0, 7, 7, 4, 0, 0, 0, 0, 1, 0x82, 11, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0};
	static const uint8_t left[] = {0x94, 4, 0, 0, 0x82, 11, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0};
	static const uint8_t route[] = {7, 39, 4, [39] = 0};
	static const uint8_t nops[40] = {1, 1, 1, 1};

	(void)state;
	check(ETH_LEN, mixed, sizeof(mixed), left, sizeof(left), 4000, 1500);
	check(ETH_LEN, route, sizeof(route), NULL, 0, 4000, 1500);
	check(ETH_LEN, route, sizeof(route), NULL, 0, 400, 68);
	check(ETH_LEN, nops, sizeof(nops), NULL, 0, 4000, 576);
}

/* A length that lies ends the options. */
static void options_that_lie_are_left_out(void **state)
{
	static const uint8_t zero[] = {0x94, 0, 0, 0}, one[] = {0x94, 1, 0, 0}, beyond[] = {0x94, 5, 0, 0},
			     cut[] = {1, 1, 1, 0x94};

	(void)state;
	check(ETH_LEN, zero, 4, NULL, 0, 4000, 1500);
	check(ETH_LEN, one, 4, NULL, 0, 4000, 1500);
	check(ETH_LEN, beyond, 4, NULL, 0, 4000, 1500);
	check(ETH_LEN, cut, 4, NULL, 0, 4000, 1500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cut_to_the_mtu),
		cmocka_unit_test(one_that_fits_is_no_fragment),
		cmocka_unit_test(options_with_the_copied_flag_go_into_all),
		cmocka_unit_test(options_that_lie_are_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
