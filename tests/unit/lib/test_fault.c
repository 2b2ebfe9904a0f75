/* SPDX-License-Identifier: BSD-2-Clause */
/* What others have written, in a line of ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/fault.h"

static void one_line(void **state)
{
	static const struct {
		const char *text;
		const char *line;
	} rows[] = {
		{"", ""},
		{"core1: up", "core1: up"},
		{"a\nb\tc\033[1md\177", "a?b?c?[1md?"},
		/* Each length of a character, the first and the last of each. */
		{"\302\240 \337\277 \340\240\200 \357\277\277", "\302\240 \337\277 \340\240\200 \357\277\277"},
		{"\355\237\277 \356\200\200", "\355\237\277 \356\200\200"},
		{"\360\220\200\200 \364\217\277\277", "\360\220\200\200 \364\217\277\277"},
		/* Control characters of eight bits. */
		{"\302\200\302\237", "????"},
		/* What goes on without a beginning, begins and does not go on, is cut at the end. */
		{"\200x\277", "?x?"},
		{"\303x\303", "?x?"},
		{"\342\202", "??"},
		{"\360\237\230", "???"},
		/* Longer than it need be, half of a pair, beyond the last one, and no beginning at all. */
		{"\300\200\301\277", "????"},
		{"\340\237\277", "???"},
		{"\355\240\200", "???"},
		{"\360\217\277\277", "????"},
		{"\364\220\200\200", "????"},
		{"\365\200\200\200\377\376", "??????"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[64];

		snprintf(text, sizeof(text), "%s", rows[i].text);
		make_one_line(text);
		assert_string_equal(text, rows[i].line);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
