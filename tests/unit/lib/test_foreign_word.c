/* SPDX-License-Identifier: BSD-2-Clause */
/* Words of other programs: found however they are spelt, and only as a whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/foreign_word.h"

static const struct foreign_word table[] = {
	{"localaddrs|left", "local"},
	{"up", "run"},
	{0},
};

static void it_is_known_however_it_is_spelt(void **state)
{
	static const char *const spellings[] = {"left", "LEFT", "local_addrs", "local-addrs", "LocalAddrs", "--left"};

	(void)state;
	for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++)
		assert_string_equal(foreign_word_answer(table, spellings[i]), "local");
	assert_string_equal(foreign_word_answer(table, "up"), "run");
}

static void a_part_of_it_or_more_is_none(void **state)
{
	static const char *const others[] = {"",      "-", "lef",     "leftid",		"local",
					     "addrs", "u", "upgrade", "localaddrs|left"};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_null(foreign_word_answer(table, others[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_known_however_it_is_spelt),
		cmocka_unit_test(a_part_of_it_or_more_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
