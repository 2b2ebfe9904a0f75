/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/cpu_list.h"

/* The set as a list without ranges, "0,2,3". */
static void list_of(const cpu_set_t *cpus, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (int cpu = 0; cpu < CPU_SETSIZE && used < size; cpu++)
		if (CPU_ISSET(cpu, cpus))
			used += (size_t)snprintf(text + used, size - used, "%s%d", used ? "," : "", cpu);
}

static void good_lists(void **unused)
{
	static const struct {
		const char *text;
		const char *cpus;
	} good[] = {
		{"0", "0"},	{"2,4-7", "2,4,5,6,7"},	    {"3-3", "3"}, {"007", "7"}, {"0-1,1-2,0", "0,1,2"},
		{"9,1", "1,9"}, {"1022-1023", "1022,1023"},
	};
	struct fault f;
	char shown[64];
	cpu_set_t cpus;

	(void)unused;
	memset(&cpus, 0xff, sizeof(cpus));
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(cpu_list_parse(good[i].text, &cpus, &f), 0);
		list_of(&cpus, shown, sizeof(shown));
		assert_string_equal(shown, good[i].cpus);
	}
	assert_int_equal(cpu_list_parse("0-1023", &cpus, &f), 0);
	assert_int_equal(CPU_COUNT(&cpus), CPU_SETSIZE);
}

/* And the line for people quotes it. */
static void bad_lists(void **unused)
{
	static const char *const bad[] = {
		"",
		",",
		"1,",
		"1,,2",
		",1",
		"-",
		"-1",
		"1-",
		"2-1",
		"1-2-3",
		"1 2",
		" 1",
		"1 ",
		"+1",
		"0x1",
		"a",
		"1a",
		"1,a",
		"1-a",
		"1024",
		"0-1024",
		"1024-1025",
		"1\n",
		"all",
		"1;2",
		"1.5",
		"18446744073709551616",
		"18446744073709551617-3",
		"99999999999999999999999999",
	};
	cpu_set_t cpus;

	(void)unused;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char quoted[64];
		struct fault f = {""};

		snprintf(quoted, sizeof(quoted), "'%s'", bad[i]);
		assert_int_equal(cpu_list_parse(bad[i], &cpus, &f), -EINVAL);
		make_one_line(quoted);
		assert_non_null(strstr(f.text, quoted));
		assert_int_equal(cpu_list_parse(bad[i], &cpus, NULL), -EINVAL);
	}
}

static void round_and_round(void **unused)
{
	static const int expected[] = {2, 4, 5, 1023, 2, 4, 5, 1023, 2};
	cpu_set_t cpus;

	(void)unused;
	assert_int_equal(cpu_list_parse("4-5,2,1023", &cpus, NULL), 0);
	for (unsigned n = 0; n < sizeof(expected) / sizeof(expected[0]); n++)
		assert_int_equal(cpu_list_nth(&cpus, n), expected[n]);
	assert_int_equal(cpu_list_parse("7", &cpus, NULL), 0);
	for (unsigned n = 0; n < 3; n++)
		assert_int_equal(cpu_list_nth(&cpus, n), 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_lists),
		cmocka_unit_test(bad_lists),
		cmocka_unit_test(round_and_round),
	};

	return cmocka_run_group_tests_name("cpu_list", tests, NULL, NULL);
}
