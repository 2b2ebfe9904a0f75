/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers and reasons, as people see them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "command/count_view.h"
#include "command/screen.h"
#include "command/units.h"
#include "screen_text.h"

/* Each drop says what it mostly comes of, and all of them fit the screen, however many there were. */
static void reasons_fit_and_have_hints(void **state)
{
	struct counts_sum sum;
	const char *line;

	(void)state;
	screen_set((struct screen){.width = 80});
	for (enum reason reason = 0; reason < REASON_COUNT; reason++) {
		sum.by_reason[reason] = UINT64_MAX;
		assert_int_equal(reason_is_drop(reason), reason_hint(reason)[0] != '\0');
	}
	counts_print(&sum, true, text_begin());
	for (line = text_end(); *line; line += strcspn(line, "\n") + 1)
		assert_in_range(strcspn(line, "\n"), 1, 80);
	assert_non_null(strstr(printed, "18446744073709551615  selector_mismatch"));
	assert_null(strstr(printed, "sealed"));
	counts_print(&sum, false, text_begin());
	assert_non_null(strstr(text_end(), "sealed"));
}

static void only_what_is_not_0(void **state)
{
	struct counts_sum sum = {.by_reason = {[REASON_REPLAY] = 3}};

	(void)state;
	screen_set((struct screen){0});
	counts_print(&sum, true, text_begin());
	assert_int_equal(
		strncmp(text_end(), "DROPPED  REASON  MEANING\n      3  replay  sequence number seen before", 50), 0);
	counts_print(&sum, false, text_begin());
	assert_string_equal(text_end(), "");
}

static void units(void **state)
{
	static const struct {
		double n;
		const char *text;
	} rows[] = {{0, "0 B"},		{999, "999 B"},	     {1000, "1.00 kB"},	  {9994, "9.99 kB"},  {9996, "10.0 kB"},
		    {999499, "999 kB"}, {999500, "1.00 MB"}, {1.43e9, "1.43 GB"}, {1.8e19, "18.0 EB"}};
	char text[UNITS_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(si_text(rows[i].n, "B", text), rows[i].text);
	assert_string_equal(age_text(59, text), "59s");
	assert_string_equal(age_text(60, text), "1m");
	assert_string_equal(age_text(3600 * 3 + 60 * 12, text), "3h12m");
	assert_string_equal(age_text(86400 * 5 + 3600 * 3, text), "5d3h");
	assert_string_equal(age_text(UINT64_MAX, text), "213503982334601d7h");
	assert_string_equal(count_text(1, "try", "tries", text), "1 try");
	assert_string_equal(count_text(0, "try", "tries", text), "0 tries");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reasons_fit_and_have_hints),
		cmocka_unit_test(only_what_is_not_0),
		cmocka_unit_test(units),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
