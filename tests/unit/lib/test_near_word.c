/* SPDX-License-Identifier: BSD-2-Clause */
/* The word that was meant: one or two letters off, and none where it is another word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/near_word.h"

static const char *nearest(const char *typed)
{
	struct near_word near = near_word_of(typed);

	near_word_offer(&near, "remote");
	near_word_offer(&near, "remote-id");
	near_word_offer(&near, "crl");
	near_word_offer(&near, "esn");
	near_word_offer(&near, "psk-file");
	return near.nearest;
}

static void a_slip_of_the_finger_is_the_word(void **state)
{
	(void)state;
	assert_string_equal(nearest("remot"), "remote");
	assert_string_equal(nearest("remtoe"), "remote");
	assert_string_equal(nearest("remote_id"), "remote-id");
	assert_string_equal(nearest("ens"), "esn");
	assert_string_equal(nearest("rmeotei-d"), "remote-id");
}

static void case_and_what_is_left_out_behind_a_dash_are_no_slips(void **state)
{
	(void)state;
	assert_string_equal(nearest("Remote"), "remote");
	assert_string_equal(nearest("PSK-FILE"), "psk-file");
	assert_string_equal(nearest("psk"), "psk-file");
	assert_string_equal(nearest("Psk"), "psk-file");
	assert_null(nearest("p"));
}

/* Of three letters two others are another word. */
static void a_short_word_has_one_slip(void **state)
{
	(void)state;
	assert_string_equal(nearest("esp"), "esn");
	assert_null(nearest("dst"));
	assert_null(nearest("key"));
	assert_null(nearest("remrk"));
}

static void what_is_farther_off_is_another_word(void **state)
{
	(void)state;
	assert_null(nearest("dpd-interval"));
	assert_null(nearest("rem"));
	assert_null(nearest("x"));
	assert_null(nearest(""));
}

static void a_short_word_is_not_made_of_others(void **state)
{
	(void)state;
	assert_string_equal(nearest("cr"), "crl");
	assert_null(nearest("ab"));
}

static void what_is_too_long_is_no_word(void **state)
{
	char text[200];

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = i + 1 < sizeof(text) ? 'r' : '\0';
	assert_null(nearest(text));
}

static void it_asks_only_where_one_is_near(void **state)
{
	struct near_word near = near_word_of("remot");
	char text[64];

	(void)state;
	assert_string_equal(near_word_question(&near, text, sizeof(text)), "");
	near_word_offer(&near, "remote");
	assert_string_equal(near_word_question(&near, text, sizeof(text)), ": did you mean 'remote'?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_slip_of_the_finger_is_the_word),
		cmocka_unit_test(case_and_what_is_left_out_behind_a_dash_are_no_slips),
		cmocka_unit_test(a_short_word_has_one_slip),
		cmocka_unit_test(what_is_farther_off_is_another_word),
		cmocka_unit_test(a_short_word_is_not_made_of_others),
		cmocka_unit_test(what_is_too_long_is_no_word),
		cmocka_unit_test(it_asks_only_where_one_is_near),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
