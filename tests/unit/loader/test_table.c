/* SPDX-License-Identifier: BSD-2-Clause */
/* Text on screens: tables that fit, tables that do not, paragraphs, colours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "command/lines.h"
#include "command/table.h"
#include "screen_text.h"

static struct table *three(const char *last)
{
	struct table *t = table_new("NAME|>COUNT|~MEANING");

	table_cell(t, "core1");
	table_cell(t, "7");
	table_cell(t, "%s", last);
	return t;
}

static void wide_as_it_is_without_a_terminal(void **state)
{
	(void)state;
	screen_set((struct screen){0});
	table_print(
		three("a long text that goes on, and on, and on, and on, and on, and on, and on, and on, to its end"),
		text_begin());
	assert_string_equal(text_end(),
			    "NAME   COUNT  MEANING\n"
			    "core1      7  a long text that goes on, and on, and on, and on, and on, and on, and "
			    "on, and on, to its end\n");
}

static void last_column_is_wrapped(void **state)
{
	(void)state;
	screen_set((struct screen){.width = 50});
	table_print(three("a text that has to go below itself more than once, since it is long"), text_begin());
	assert_string_equal(text_end(), "NAME   COUNT  MEANING\n"
					"core1      7  a text that has to go below itself\n"
					"              more than once, since it is long\n");
}

/* What has no room as a table. A word that is longer than the screen is cut. */
static void paragraphs(void **state)
{
	struct table *t = table_new("SPI|SOURCE|>BYTES|NOTHING");

	(void)state;
	screen_set((struct screen){.width = 40});
	table_cell(t, "0x00001001");
	table_cell(t, "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz");
	table_cell(t, "12");
	table_cell(t, "-");
	table_print(t, text_begin());
	assert_string_equal(text_end(), "spi 0x00001001\n"
					"  source       abcdefghijklmnopqrstuvwxy\n"
					"               zabcdefghijklmnopqrstuvwx\n"
					"               yz\n"
					"  bytes        12\n");
}

/* Colours take no room, and are not there unless the screen has them. */
static void tints(void **state)
{
	(void)state;
	for (int colours = 0; colours < 2; colours++) {
		struct table *t = table_new("NAME|STATE|>FOR");

		screen_set((struct screen){.width = 80, .colours = colours});
		table_cell(t, "core1");
		table_cell(t, "up");
		table_tint(t, TINT_GOOD);
		table_cell(t, "7m");
		table_print(t, text_begin());
		assert_string_equal(text_end(), colours ? "NAME   STATE  FOR\ncore1  \033[32mup\033[0m      7m\n"
							: "NAME   STATE  FOR\ncore1  up      7m\n");
	}
}

static void nothing_prints_nothing(void **state)
{
	(void)state;
	table_print(table_new("A|B"), text_begin());
	assert_string_equal(text_end(), "");
}

static void item(void **state)
{
	(void)state;
	screen_set((struct screen){.width = 40});
	lines_item(text_begin(), TINT_NONE, "peer", "%s", "host2.example, and more of it\nat its end");
	assert_string_equal(text_end(), "  peer         host2.example, and more\n"
					"               of it?at its end\n");
}

/* Not within a character of several bytes. */
static void characters_stay_whole(void **state)
{
	(void)state;
	screen_set((struct screen){.width = 40});
	lines_wrap(text_begin(), 30, 30, "abcdefghi\303\244\303\266");
	assert_string_equal(text_end(), "abcdefghi\n                              \303\244\303\266");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wide_as_it_is_without_a_terminal),
		cmocka_unit_test(last_column_is_wrapped),
		cmocka_unit_test(paragraphs),
		cmocka_unit_test(tints),
		cmocka_unit_test(nothing_prints_nothing),
		cmocka_unit_test(item),
		cmocka_unit_test(characters_stay_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
