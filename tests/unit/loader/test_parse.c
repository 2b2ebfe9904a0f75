/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "policy/parse.h"
#include "policy/protect.h"

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

static void test_icmp_types(void **unused)
{
	static const char *const wrong[] = {"", "256", "-1", "8-", "9-8", "echo", "8/0", "0-256"};
	uint16_t min, max;

	(void)unused;
	assert_true(parse_icmp_types("8", &min, &max) && min == 0x0800 && max == 0x08ff);
	assert_true(parse_icmp_types("Echo-Reply", &min, &max) && min == 0 && max == 0xff);
	assert_true(parse_icmp_types("3-5", &min, &max) && min == 0x0300 && max == 0x05ff);
	assert_true(parse_icmp_types("0-255", &min, &max) && min == 0 && max == 0xffff);
	for (size_t i = 0; i < ITEMS(wrong); i++)
		assert_false(parse_icmp_types(wrong[i], &min, &max));
}

static void test_protect_items(void **unused)
{
	struct protect p;
	struct fault f;

	(void)unused;
	assert_int_equal(protect_parse("tcp", &p, &f), 0);
	assert_true(selector_equal(&p.sel, &(struct selector){SELECTOR_ANY_PORT, .proto = 6}) && !p.either_end);
	assert_int_equal(protect_parse("tcp/8000-8080", &p, &f), 0);
	assert_true(selector_equal(&p.sel, &(struct selector){0, 65535, 8000, 8080, 6}) && p.either_end);
	assert_int_equal(protect_parse("icmp/echo-request", &p, &f), 0);
	assert_true(selector_equal(&p.sel, &(struct selector){0x800, 0x8ff, 0x800, 0x8ff, 1}) && !p.either_end);
	assert_int_equal(protect_parse("89", &p, &f), 0);
	assert_true(p.sel.proto == 89);
}

static void test_what_is_no_protect_item(void **unused)
{
	static const struct {
		const char *text;
		const char *says;
	} wrong[] = {
		{"", "protocol"},
		{"tcpp/1", "'tcpp/1'"},
		{"gre/8", "gre has no ports"},
		{"tcp/", "port or a range"},
		{"tcp/0", "1 to 65535"},
		{"tcp/80-79", "'tcp/80-79'"},
		{"tcp/65536", "port"},
		{"icmp/echo", "ICMP type"},
		{"icmp/256", "ICMP type"},
		{"esp", "ESP is not applied"},
		{"/179", "protocol"},
		{"tcp/1/2", "port"},
		{"a-very-long-protocol-name", "a-very-long"},
	};
	struct protect p;
	struct fault f;

	(void)unused;
	for (size_t i = 0; i < ITEMS(wrong); i++) {
		assert_int_not_equal(protect_parse(wrong[i].text, &p, &f), 0);
		if (!strstr(f.text, wrong[i].says))
			fail_msg("'%s' gave '%s'", wrong[i].text, f.text);
	}
}

static void test_selector_texts(void **unused)
{
	static const struct {
		struct selector s;
		const char *text;
	} texts[] = {
		{{0, 65535, 0, 65535, 0}, "all"},
		{{0, 65535, 0, 65535, 6}, "tcp"},
		{{0, 65535, 179, 179, 6}, "tcp dport 179"},
		{{179, 179, 0, 65535, 6}, "tcp sport 179"},
		{{10000, 20000, 30000, 40000, 136}, "udplite sport 10000-20000 dport 30000-40000"},
		{{0, 65535, 0, 65535, 1}, "icmp"},
		{{0x800, 0x8ff, 0x800, 0x8ff, 1}, "icmp/echo-request"},
		{{0, 65535, 0x800, 0x8ff, 1}, "icmp/echo-request"},
		{{0x300, 0xbff, 0x300, 0xbff, 1}, "icmp/3-11"},
		{{0x304, 0x304, 0x304, 0x304, 1}, "icmp/3.4-3.4"},
		{{0, 65535, 0, 65535, 200}, "200"},
	};
	char buf[SELECTOR_TEXT];

	(void)unused;
	for (size_t i = 0; i < ITEMS(texts); i++)
		assert_string_equal(selector_text(&texts[i].s, buf), texts[i].text);
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
		cmocka_unit_test(test_kinds_of_address), cmocka_unit_test(test_icmp_types),
		cmocka_unit_test(test_protect_items),	 cmocka_unit_test(test_what_is_no_protect_item),
		cmocka_unit_test(test_selector_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
