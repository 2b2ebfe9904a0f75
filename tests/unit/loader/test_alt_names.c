/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "pki/alt_names.h"

static char first[FIRST_NAME_MAX + 1];

/* What is read is what is shown again, and the first is as given. */
static void assert_names(const char *text, const char *expected, const char *expected_first)
{
	struct fault f = {""};
	GENERAL_NAMES *names = alt_names_parse(text, first, &f);
	char shown[NAMES_TEXT_MAX];

	if (!names)
		fail_msg("%s: %s", text, f.text);
	alt_names_text(names, shown, sizeof(shown));
	assert_string_equal(shown, expected);
	assert_string_equal(first, expected_first);
	GENERAL_NAMES_free(names);
}

static void assert_refused(const char *text, const char *about)
{
	struct fault f = {""};

	assert_null(alt_names_parse(text, first, &f));
	if (!strstr(f.text, about))
		fail_msg("'%s': %s", text, f.text);
}

static void test_names(void **unused)
{
	(void)unused;
	assert_names("host1.example", "host1.example", "host1.example");
	assert_names("host-1", "host-1", "host-1");
	assert_names("192.0.2.1", "192.0.2.1", "192.0.2.1");
	assert_names("ops+vpn@host1.example", "ops+vpn@host1.example", "ops+vpn@host1.example");
	assert_names("h.example,192.0.2.1,a@b.example", "h.example, 192.0.2.1, a@b.example", "h.example");
}

static void test_kinds(void **unused)
{
	static const int kinds[] = {GEN_DNS, GEN_IPADD, GEN_EMAIL};
	GENERAL_NAMES *names = alt_names_parse("1and1.example,10.0.0.1,a@b", first, NULL);

	(void)unused;
	assert_int_equal(sk_GENERAL_NAME_num(names), 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(sk_GENERAL_NAME_value(names, i)->type, kinds[i]);
	GENERAL_NAMES_free(names);
}

static void test_what_is_none(void **unused)
{
	static const char *const texts[] = {"",	       ",",	    "a,,b", "a,",   "-a", "a-",	   "a..b",
					    ".a",      "a b",	    "a/b",  "a@",   "@b", "a@b@c", "../ca",
					    "192.0.2", "1.2.3.4.5", "a;b",  "a\nb", "a:b"};

	(void)unused;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_refused(texts[i], "is no host name");
	assert_refused("2001:db8::1", "IPv6 is not supported");
	assert_refused("*.example", "remote-id");
	assert_refused("CN=host1", "CN=");
}

static void test_bounds(void **unused)
{
	char text[NAMES_TEXT_MAX + 100];

	(void)unused;
	memset(text, 'a', sizeof(text));
	text[63] = '\0';
	assert_names(text, text, text);
	text[63] = 'a';
	text[64] = '\0';
	assert_refused(text, "is no host name");
	text[63] = '.';
	text[64] = 'b';
	text[65] = '\0';
	assert_refused(text, "give a shorter name first");
	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	assert_refused(text, "longer than");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_what_is_none),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
