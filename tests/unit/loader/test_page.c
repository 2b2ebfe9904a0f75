/* SPDX-License-Identifier: BSD-2-Clause */
/* Texts of others, on a page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "page_lines.h"

static struct page p;

static int set_up(void **state)
{
	(void)state;
	p = page_new(20, 4, true);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	page_free(&p);
	return 0;
}

/* What a terminal would obey, or would turn around, is not on the page; bytes that are no text are no characters. */
static void nothing_that_a_terminal_obeys(void **state)
{
	(void)state;
	page_text(&p, 0, 0, 20, 0, "a\033[2Jb\rc\nd\te\x7f");
	assert_string_equal(line_of_page(&p, 0), "a?[2Jb?c?d?e?");
	page_text(&p, 1, 0, 20, 0,
		  "x\xc2\x9b"
		  "31my");
	assert_string_equal(line_of_page(&p, 1), "x?31my");
	page_text(&p, 2, 0, 20, 0,
		  "ab\xe2\x80\xae"
		  "cd\xcc\x81"
		  "e\xe2\x80\x8b"
		  "f");
	assert_string_equal(line_of_page(&p, 2), "abcdef");
	page_text(&p, 3, 0, 20, 0,
		  "\xff\xfe"
		  "a\xe2\x82");
	assert_string_equal(line_of_page(&p, 3), "??a??");
}

static void cut_with_a_sign(void **state)
{
	(void)state;
	assert_int_equal(page_text(&p, 0, 2, 5, 0, "12345"), 5);
	assert_int_equal(page_text(&p, 1, 2, 5, 0, "123456"), 5);
	assert_int_equal(page_text(&p, 2, 18, 5, 0, "123456"), 2);
	assert_int_equal(page_text(&p, 3, 20, 5, 0, "123456"), 0);
	assert_int_equal(page_text(&p, 4, 0, 5, 0, "123456"), 5);
	assert_string_equal(line_of_page(&p, 0), "  12345");
	assert_string_equal(line_of_page(&p, 1), "  1234…");
	assert_string_equal(line_of_page(&p, 2), "                  1…");
	assert_string_equal(line_of_page(&p, 3), "");
	p.unicode = false;
	page_text(&p, 3, 0, 3, 0, "123456");
	assert_string_equal(line_of_page(&p, 3), "12~");
}

/* Which take two columns each. */
static void wide_characters(void **state)
{
	(void)state;
	assert_int_equal(text_columns("東京a"), 5);
	assert_int_equal(page_text(&p, 0, 0, 4, 0, "東京a"), 3);
	assert_string_equal(line_of_page(&p, 0), "東…");
	assert_int_equal(page_text(&p, 1, 17, 4, 0, "東京"), 3);
	page_right(&p, 2, 0, 20, 0, "東京");
	assert_string_equal(line_of_page(&p, 2), "                東京");
}

static void wraps(void **state)
{
	(void)state;
	assert_int_equal(page_wrap(&p, 0, 4, 0, 2, 0, "the peer sends in clear: its end is not up"), 3);
	assert_string_equal(line_of_page(&p, 0), "the peer sends in");
	assert_string_equal(line_of_page(&p, 1), "  clear: its end is");
	assert_string_equal(line_of_page(&p, 2), "  not up");
	assert_int_equal(page_wrap(&p, 0, 2, 0, 2, 0, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), 2);
	assert_string_equal(line_of_page(&p, 0), "aaaaaaaaaaaaaaaaaaaa");
	assert_string_equal(line_of_page(&p, 1), "  aaaaaaaaaaaaaaaaa…");
	assert_int_equal(page_wrap(&p, 0, 2, 0, 2, 0, ""), 0);
}

static void sparklines(void **state)
{
	struct history h = {.count = 0};

	(void)state;
	for (unsigned i = 0; i < 60; i++)
		history_add(&h, i / 6 * i / 6);
	assert_int_equal(page_spark(&p, 0, 0, 11, 0, &h), 10);
	assert_string_equal(line_of_page(&p, 0), "▁▂▂▃▃▄▅▆▇█");
	p.unicode = false;
	page_spark(&p, 1, 0, 11, 0, &h);
	assert_string_equal(line_of_page(&p, 1), "_..::-=+*#");
}

static void of_no_size(void **state)
{
	struct page none = page_new(0, 0, true);

	(void)state;
	page_text(&none, 0, 0, 10, 0, "text");
	page_right(&none, 0, 0, 0, 0, "text");
	page_add_style(&none, 0, PAGE_REVERSE);
	assert_int_equal(page_wrap(&none, 0, 3, 0, 2, 0, "text of more"), 1);
	page_free(&none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_that_a_terminal_obeys, set_up, tear_down),
		cmocka_unit_test_setup_teardown(cut_with_a_sign, set_up, tear_down),
		cmocka_unit_test_setup_teardown(wide_characters, set_up, tear_down),
		cmocka_unit_test_setup_teardown(wraps, set_up, tear_down),
		cmocka_unit_test_setup_teardown(sparklines, set_up, tear_down),
		cmocka_unit_test(of_no_size),
	};

	return cmocka_run_group_tests(tests, utf8, NULL);
}
