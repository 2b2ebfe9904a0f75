/* SPDX-License-Identifier: BSD-2-Clause */
/* What keys do to the list. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "board_made.h"
#include "monitor/view.h"

static struct view view;

static int set_up(void **state)
{
	(void)state;
	view = (struct view){.page = 2};
	board_is("[" UP("core10", "192.0.2.10") "," UP("core9", "192.0.2.9") "," DOWN("edge", "192.0.2.1") "," TRAP(
		"lab", "198.51.100.1") "]");
	return 0;
}

static void type(const char *keys)
{
	for (; *keys; keys++)
		assert_true(view_key(&view, &board, (unsigned char)*keys));
}

/* Names of what is shown, the selected one in brackets. */
static const char *shown(void)
{
	struct selection s = selection_of(&board, &view);
	static char text[256];
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < s.count; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, i == s.at ? "%s[%s]" : "%s%s", i ? " " : "",
				      s.rows[i]->name);
	selection_free(&s);
	return text;
}

static void sorts(void **state)
{
	static const struct {
		const char *name, *order;
	} expected[SORT_COUNT] = {
		[SORT_FILE] = {"file", "[core10] core9 edge lab"},
		[SORT_TRAFFIC] = {"traffic", "[lab] core9 core10 edge"},
		[SORT_TROUBLE] = {"trouble", "[edge] core10 core9 lab"},
		[SORT_NAME] = {"name", "[core9] core10 edge lab"},
		[SORT_ROUND_TRIP] = {"RTT", "[core10] core9 edge lab"},
	};

	(void)state;
	board_second((double[]){0, 5, 0, 0}, (double[]){0, 0, 0, 9}, 0);
	for (unsigned i = 0; i < SORT_COUNT; i++) {
		assert_string_equal(sort_name(view.sort), expected[i].name);
		assert_string_equal(shown(), expected[i].order);
		type("s");
	}
	assert_int_equal(view.sort, SORT_FILE);
}

/* However the order changes. */
static void what_is_selected_stays_so(void **state)
{
	(void)state;
	view_key(&view, &board, VIEW_KEY_DOWN);
	assert_string_equal(shown(), "core10 [core9] edge lab");
	type("sss");
	assert_string_equal(shown(), "[core9] core10 edge lab");
	view_key(&view, &board, VIEW_KEY_UP);
	assert_string_equal(shown(), "[core9] core10 edge lab");
	view_key(&view, &board, VIEW_KEY_END);
	assert_string_equal(shown(), "core9 core10 edge [lab]");
	view_key(&view, &board, VIEW_KEY_PAGE_UP);
	assert_string_equal(shown(), "core9 core10 [edge] lab");
	view_key(&view, &board, VIEW_KEY_HOME);
	assert_string_equal(shown(), "[core9] core10 edge lab");
}

static void filters_while_it_is_typed(void **state)
{
	(void)state;
	type("/CORE");
	assert_true(view.editing);
	assert_string_equal(shown(), "[core10] core9");
	type("1q");
	assert_string_equal(shown(), "");
	view_key(&view, &board, VIEW_KEY_BACKSPACE);
	view_key(&view, &board, VIEW_KEY_ENTER);
	assert_false(view.editing);
	assert_string_equal(shown(), "[core10]");
	view_key(&view, &board, VIEW_KEY_ESCAPE);
	assert_string_equal(shown(), "[core10] core9 edge lab");
	type("f198.51");
	assert_string_equal(shown(), "[lab]");
	view_key(&view, &board, VIEW_KEY_ESCAPE);
	assert_string_equal(shown(), "[core10] core9 edge lab");
}

static void filter_has_an_end(void **state)
{
	(void)state;
	type("/");
	for (unsigned i = 0; i < 2 * FILTER_MAX; i++)
		type("x");
	assert_int_equal(strlen(view.filter), FILTER_MAX - 1);
	view_key(&view, &board, VIEW_KEY_OTHER);
	view_key(&view, &board, 0xe4);
	assert_int_equal(strlen(view.filter), FILTER_MAX - 1);
}

static void details_and_back(void **state)
{
	(void)state;
	type("jd");
	assert_int_equal(view.mode, VIEW_DETAILS);
	assert_string_equal(view.selected, "core9");
	view_key(&view, &board, VIEW_KEY_DOWN);
	assert_int_equal(view.scrolled, 1);
	view_key(&view, &board, VIEW_KEY_PAGE_UP);
	assert_int_equal(view.scrolled, 0);
	view_key(&view, &board, VIEW_KEY_ESCAPE);
	assert_int_equal(view.mode, VIEW_LIST);
	type("?");
	assert_int_equal(view.mode, VIEW_HELP);
	type("?");
	assert_int_equal(view.mode, VIEW_LIST);
}

static void of_nothing(void **state)
{
	(void)state;
	board_is("[]");
	view_key(&view, &board, VIEW_KEY_DOWN);
	type("d s/x");
	assert_int_equal(view.mode, VIEW_LIST);
	assert_string_equal(shown(), "");
}

static void q_is_the_end(void **state)
{
	(void)state;
	type("/q");
	view_key(&view, &board, VIEW_KEY_ESCAPE);
	assert_false(view_key(&view, &board, 'q'));
	type("?");
	assert_false(view_key(&view, &board, 'q'));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(sorts, set_up, no_board),
		cmocka_unit_test_setup_teardown(what_is_selected_stays_so, set_up, no_board),
		cmocka_unit_test_setup_teardown(filters_while_it_is_typed, set_up, no_board),
		cmocka_unit_test_setup_teardown(filter_has_an_end, set_up, no_board),
		cmocka_unit_test_setup_teardown(details_and_back, set_up, no_board),
		cmocka_unit_test_setup_teardown(of_nothing, set_up, no_board),
		cmocka_unit_test_setup_teardown(q_is_the_end, set_up, no_board),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
