/* SPDX-License-Identifier: BSD-2-Clause */
/* The last minute of a figure, and its picture. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "monitor/history.h"

/* A digit for each level, '.' for what is not known. */
static const char *picture(const struct history *h, unsigned width)
{
	static char text[HISTORY_SAMPLES + 1];
	int8_t levels[HISTORY_SAMPLES];

	spark_levels(h, width, levels);
	for (unsigned i = 0; i < width; i++)
		text[i] = levels[i] < 0 ? '.' : (char)('0' + levels[i]);
	text[width] = '\0';
	return text;
}

static void widths(void **state)
{
	(void)state;
	assert_int_equal(spark_width(0), 0);
	assert_int_equal(spark_width(1), 1);
	assert_int_equal(spark_width(10), 10);
	assert_int_equal(spark_width(11), 10);
	assert_int_equal(spark_width(59), 30);
	assert_int_equal(spark_width(60), 60);
	assert_int_equal(spark_width(1000), 60);
}

static void before_there_is_anything(void **state)
{
	struct history h = {.count = 0};

	(void)state;
	assert_string_equal(picture(&h, 6), "......");
	assert_false(history_moves(&h));
	history_add(&h, 0);
	assert_string_equal(picture(&h, 6), ".....0");
	assert_false(history_moves(&h));
}

/* Of its own peak; and the least is not nothing. */
static void levels(void **state)
{
	struct history h = {.count = 0};

	(void)state;
	for (unsigned i = 0; i < 57; i++)
		history_add(&h, 0);
	history_add(&h, 1e9);
	history_add(&h, 5e8);
	history_add(&h, 1);
	assert_string_equal(picture(&h, 60) + 56, "0741");
	assert_true(history_moves(&h));
}

/* A character is the same seconds until they are over. */
static void moves_in_steps(void **state)
{
	struct history h = {.count = 0};
	char before[HISTORY_SAMPLES + 1];

	(void)state;
	for (unsigned i = 0; i < 60; i++)
		history_add(&h, i < 30 ? 6 : 0);
	assert_string_equal(picture(&h, 10), "7777700000");
	for (unsigned i = 0; i < 6; i++) {
		history_add(&h, 0);
		strcpy(before, picture(&h, 10));
		assert_string_equal(before, "7777000000");
	}
	history_add(&h, 3);
	assert_string_equal(picture(&h, 10), "7770000004");
}

static void after_a_minute_it_is_gone(void **state)
{
	struct history h = {.count = 0};

	(void)state;
	history_add(&h, 1);
	for (unsigned i = 0; i < 59; i++)
		history_add(&h, 0);
	assert_true(history_moves(&h));
	history_add(&h, 0);
	assert_false(history_moves(&h));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(widths),	  cmocka_unit_test(before_there_is_anything),  cmocka_unit_test(levels),
		cmocka_unit_test(moves_in_steps), cmocka_unit_test(after_a_minute_it_is_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
