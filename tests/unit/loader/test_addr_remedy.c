/* SPDX-License-Identifier: BSD-2-Clause */
/* What was written in place of an address, and what is said of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/addr_remedy.h"

static const struct {
	const char *text;
	const char *of_address;
	const char *of_prefix;
} texts[] = {
	{"::1", ": IPv6 is not supported", ": IPv6 is not supported"},
	{"2001:db8::/32", ": IPv6 is not supported", ": IPv6 is not supported"},
	{"fe80::2%eth0", ": IPv6 is not supported", ": IPv6 is not supported"},
	{"192.0.2.2:500", ", without a port", ", without a port"},
	{"192.0.2.2/24", ", without '/' and a length", ", whose length is a number, as in 192.0.2.0/24"},
	{"192.0.2.0-192.0.2.9", ": one alone", ": a range is none, 192.0.2.0/24 is"},
	{"192.0.2.2, 192.0.2.3", ": one alone", ": one alone"},
	{"any", ": names are not looked up", ": 0.0.0.0/0 is every address"},
	{"host1.example", ": names are not looked up", ": names are not looked up"},
	{"host1.example:500", ": names are not looked up", ": names are not looked up"},
	{"192.0.2", "", ""},
	{"192.0.2.256", "", ""},
	{"", "", ""},
};

static void it_is_told_what_it_is(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_string_equal(addr_remedy(texts[i].text, false), texts[i].of_address);
		assert_string_equal(addr_remedy(texts[i].text, true), texts[i].of_prefix);
	}
}

static void bits_behind_a_prefix_leave_two_choices(void **state)
{
	static const struct {
		struct prefix prefix;
		const char *choice;
	} prefixes[] = {
		{{{192, 0, 2, 7}, 24}, "192.0.2.7 for one host, or 192.0.2.0/24"},
		{{{10, 255, 255, 255}, 9}, "10.255.255.255 for one host, or 10.128.0.0/9"},
		{{{10, 0, 0, 1}, 0}, "10.0.0.1 for one host, or 0.0.0.0/0"},
	};
	char text[PREFIX_CHOICE];

	(void)state;
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		assert_string_equal(prefix_choice(&prefixes[i].prefix, text), prefixes[i].choice);
}

static void a_word_that_is_missing_is_not_shown_as_empty(void **state)
{
	struct fault f;

	(void)state;
	bad_address(&f, "dst", NULL, false, "an IPv4 address");
	assert_string_equal(f.text, "dst is missing: give an IPv4 address");
	bad_address(&f, "dst", "h", false, "an IPv4 address");
	assert_string_equal(f.text, "dst 'h': give an IPv4 address: names are not looked up");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_told_what_it_is),
		cmocka_unit_test(bits_behind_a_prefix_leave_two_choices),
		cmocka_unit_test(a_word_that_is_missing_is_not_shown_as_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
