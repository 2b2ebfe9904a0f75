/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "parse.h"

#define ITEMS(a) (sizeof(a) / sizeof((a)[0]))

static void test_numbers(void **unused)
{
	uint64_t n = 0;

	(void)unused;
	assert_true(parse_number("0", 0, 9, &n) && n == 0);
	assert_true(parse_number("4096", 0, UINT32_MAX, &n) && n == 4096);
	assert_true(parse_number("0x1000", 0, UINT32_MAX, &n) && n == 4096);
	assert_true(parse_number("0XfF", 0, UINT32_MAX, &n) && n == 255);
	assert_true(parse_number("010", 0, 99, &n) && n == 10);
	assert_true(parse_number("18446744073709551615", 0, UINT64_MAX, &n) && n == UINT64_MAX);
}

static void test_what_is_no_number(void **unused)
{
	static const char *const words[] = {"",	    " 1",  "1 ", "+1", "-1",
					    "-0",   "1.0", "x",	 "0x", "0xg",
					    "0x-1", "1e3", "٣",	 "10", "18446744073709551616",
					    "0x 1"};
	uint64_t n = 7;

	(void)unused;
	for (size_t i = 0; i < ITEMS(words); i++)
		assert_false(parse_number(words[i], 0, strcmp(words[i], "10") ? UINT64_MAX : 9, &n));
	assert_int_equal(n, 7);
}

static void test_prefixes(void **unused)
{
	struct prefix p;
	char text[PREFIX_TEXT];

	(void)unused;
	assert_true(parse_prefix("192.0.2.1", &p) && p.len == 32);
	assert_true(parse_prefix("0.0.0.0/0", &p) && p.len == 0 && prefix_is_clean(&p));
	assert_true(parse_prefix("255.255.255.255/32", &p) && prefix_is_clean(&p));
	assert_string_equal(prefix_text(&p, text), "255.255.255.255/32");
	assert_true(parse_prefix("192.0.2.1/24", &p));
	assert_false(prefix_is_clean(&p));
	assert_true(parse_prefix("128.0.0.0/1", &p) && prefix_is_clean(&p));
}

static void test_what_is_no_prefix(void **unused)
{
	static const char *const words[] = {"",
					    "/",
					    "/24",
					    "192.0.2/24",
					    "192.0.2.0/",
					    "192.0.2.0/33",
					    "192.0.2.0/-1",
					    "192.0.2.0/x",
					    "::/0",
					    "192.0.2.0/24/8",
					    "1.2.3.4.5",
					    "192.0.2.256/8",
					    "1111.1111.1111.1111/8"};
	struct prefix p;

	(void)unused;
	for (size_t i = 0; i < ITEMS(words); i++)
		assert_false(parse_prefix(words[i], &p));
}

static void test_covers(void **unused)
{
	struct prefix p;

	(void)unused;
	parse_prefix("10.128.0.0/9", &p);
	assert_true(prefix_covers(&p, (const uint8_t[]){10, 128, 0, 0}));
	assert_true(prefix_covers(&p, (const uint8_t[]){10, 255, 255, 255}));
	assert_false(prefix_covers(&p, (const uint8_t[]){10, 127, 255, 255}));
	assert_false(prefix_covers(&p, (const uint8_t[]){11, 128, 0, 0}));
	parse_prefix("0.0.0.0/0", &p);
	assert_true(prefix_covers(&p, (const uint8_t[]){255, 1, 2, 3}));
}

static void test_ports(void **unused)
{
	static const char *const wrong[] = {"",	     "-",	"5-",  "-5",	"6-5",
					    "65536", "1-65536", "a-b", "1-2-3", "123456789-2"};
	uint16_t min, max;

	(void)unused;
	assert_true(parse_ports("179", &min, &max) && min == 179 && max == 179);
	assert_true(parse_ports("0-65535", &min, &max) && min == 0 && max == 65535);
	assert_true(parse_ports("5-5", &min, &max) && min == 5 && max == 5);
	for (size_t i = 0; i < ITEMS(wrong); i++)
		assert_false(parse_ports(wrong[i], &min, &max));
}

static void test_protocols(void **unused)
{
	uint8_t proto;
	char text[8];

	(void)unused;
	assert_true(parse_proto("tcp", &proto) && proto == 6 && proto_has_ports(proto));
	assert_true(parse_proto("ICMP", &proto) && proto == 1 && !proto_has_ports(proto));
	assert_true(parse_proto("255", &proto) && proto == 255);
	assert_false(parse_proto("0", &proto));
	assert_false(parse_proto("256", &proto));
	assert_false(parse_proto("tcpp", &proto));
	assert_string_equal(proto_text(17, text, sizeof(text)), "udp");
	assert_string_equal(proto_text(200, text, sizeof(text)), "200");
}

static void test_switches(void **unused)
{
	bool on = false;

	(void)unused;
	assert_true(parse_switch("on", &on) && on);
	assert_true(parse_switch("no", &on) && !on);
	assert_true(parse_switch("yes", &on) && on);
	assert_true(parse_switch("off", &on) && !on);
	assert_false(parse_switch("", &on));
	assert_false(parse_switch("On", &on));
}

static void test_kinds_of_address(void **unused)
{
	(void)unused;
	assert_true(addr_is_unusable((const uint8_t[]){0, 0, 0, 0}));
	assert_true(addr_is_unusable((const uint8_t[]){224, 0, 0, 5}));
	assert_true(addr_is_unusable((const uint8_t[]){255, 255, 255, 255}));
	assert_false(addr_is_unusable((const uint8_t[]){223, 255, 255, 255}));
	assert_true(addr_is_loopback((const uint8_t[]){127, 200, 0, 1}));
	assert_false(addr_is_loopback((const uint8_t[]){128, 0, 0, 1}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),		 cmocka_unit_test(test_what_is_no_number),
		cmocka_unit_test(test_prefixes),	 cmocka_unit_test(test_what_is_no_prefix),
		cmocka_unit_test(test_covers),		 cmocka_unit_test(test_ports),
		cmocka_unit_test(test_protocols),	 cmocka_unit_test(test_switches),
		cmocka_unit_test(test_kinds_of_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
