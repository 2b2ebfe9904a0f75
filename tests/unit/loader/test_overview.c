/* SPDX-License-Identifier: BSD-2-Clause */
/* What is where on the page, on screens of every size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "board_made.h"
#include "command/lines.h"
#include "monitor/overview.h"
#include "monitor/text_pages.h"
#include "page_lines.h"

static struct page p;
static struct view view;
static struct headlines head;

static int tear_down(void **state)
{
	page_free(&p);
	view = (struct view){.mode = VIEW_LIST};
	head = (struct headlines){.count = 0};
	return no_board(state);
}

static void say(enum tint tint, const char *text)
{
	head.lines[head.count].tint = tint;
	strcpy(head.lines[head.count++].text, text);
}

static void draw(unsigned width, unsigned height)
{
	page_free(&p);
	p = page_new(width, height, true);
	overview_draw(&p, &board, &view, &head, 2, NOON);
}

static void fill(unsigned connections)
{
	char *json = NULL;
	size_t size;
	FILE *out = open_memstream(&json, &size);

	fputc('[', out);
	for (unsigned i = 0; i < connections; i++)
		fprintf(out, "%s" UP("host%u", "192.0.2.%u"), i ? "," : "", i, i % 256);
	fputc(']', out);
	fclose(out);
	board_is(json);
	free(json);
}

static void two_connections(void)
{
	board_is("[" UP("core1", "192.0.2.1") "," DOWN("core2", "192.0.2.2") "]");
	for (unsigned i = 0; i < 60; i++)
		board_second((double[]){i < 30 ? 0 : 1.2e9, 0}, (double[]){4e5, 0}, 0);
	say(TINT_NONE, "instance default: running, worker 10 (ipsec-mb), 0 restarts");
	say(TINT_NONE, "backstop up");
}

static void usual(void **state)
{
	(void)state;
	two_connections();
	draw(80, 24);
	assert_non_null(strstr(line_of_page(&p, 0), "instance default: running"));
	assert_int_equal(row_with(&p, "backstop up"), -1);
	assert_string_equal(line_of_page(&p, 1), "in  1.20 Gbit/s   150 kpackets/s  ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁███████████████");
	assert_string_equal(line_of_page(&p, 5), "CONNECTION  STATE     FOR  IN bit/s  pkt/s  OUT bit/s  pkt/s  LAST 60 s");
	assert_string_equal(line_of_page(&p, 6),
			    "core1       up       1h2m     1.20G   150k       400k     50  ▂▂▂▂▂▂▂▅███████");
	assert_string_equal(line_of_page(&p, 7),
			    "core2       down      42s  AUTHENTICATION_FAILED from 192.0.2.2, 3 tries, last …");
	assert_int_equal(p.cells[6 * 80].style, PAGE_REVERSE);
	assert_int_equal(p.cells[7 * 80 + 30].style, TINT_BAD);
	assert_string_equal(line_of_page(&p, 23), "q quit  ? help  s sort: file  / filter  d details");
}

/* Least of all what is not there: no row ends behind the page, and the connection is on each that has room for it. */
static void sizes(void **state)
{
	(void)state;
	two_connections();
	board_second((double[]){0, 0}, (double[]){0, 0}, 9);
	for (unsigned height = 0; height < 40; height++)
		for (unsigned width = 0; width < 160; width += 3) {
			draw(width, height);
			if (height >= 8 && width >= 40)
				assert_in_range(row_with(&p, "core1"), 1, 8);
		}
	draw(40, 10);
	assert_string_equal(line_of_page(&p, 2), "CONNECTION  STATE  IN bit/s  OUT bit/s");
	assert_string_equal(line_of_page(&p, 3), "core1       up            0          0");
	assert_int_equal(memcmp(line_of_page(&p, 9), "q quit  ? help", 14), 0);
}

/* A thousand, of which some are seen: drops and events keep their place; the selected one is among them. */
static void many(void **state)
{
	(void)state;
	fill(1000);
	for (unsigned i = 0; i < 20; i++)
		news_add(&board.news, NOON, TINT_NONE, "event %u", i);
	draw(80, 24);
	assert_int_equal(row_with(&p, "host0 "), 6);
	assert_in_range(row_with(&p, "EVENTS"), 12, 17);
	assert_non_null(strstr(line_of_page(&p, 23), "1-"));
	assert_non_null(strstr(line_of_page(&p, 23), " of 1000"));
	view_key(&view, &board, VIEW_KEY_END);
	draw(80, 24);
	assert_in_range(row_with(&p, "host999 "), 6, 16);
	view_key(&view, &board, VIEW_KEY_UP);
	draw(80, 24);
	assert_in_range(row_with(&p, "host999 "), 6, 16);
	view_key(&view, &board, VIEW_KEY_HOME);
	draw(80, 24);
	assert_int_equal(row_with(&p, "host0 "), 6);
}

/* Without any of the probes there is neither a column for them nor one for identities that nobody has. */
static void columns_that_have_something(void **state)
{
	(void)state;
	board_is("[" UP("core1", "192.0.2.1") "]");
	draw(200, 24);
	assert_int_equal(row_with(&p, "RTT ms"), -1);
	assert_int_equal(row_with(&p, "IDENTITY"), -1);
	board_is("[{\"name\":\"core1\",\"remote\":\"192.0.2.1\",\"state\":\"up\",\"ike\":[{\"peer_id\":\"CN=evil\\u001b[2J\"}],"
		 "\"monitor\":{\"sent\":1000,\"lost\":2,\"rtt_us\":{\"last\":1234}}}]");
	draw(200, 24);
	assert_int_equal(row_with(&p, "RTT ms  LOSS %  PEER             IDENTITY"), row_with(&p, "core1") - 1);
	assert_int_equal(row_with(&p, " 1.234     0.2  192.0.2.1        CN=evil?[2J"), row_with(&p, "core1"));
	draw(80, 24);
	assert_int_equal(row_with(&p, "RTT ms LOSS %"), row_with(&p, "core1") - 1);
}

static void drops_with_what_they_come_of(void **state)
{
	(void)state;
	two_connections();
	board_second((double[]){0, 0}, (double[]){0, 0}, 12);
	draw(100, 30);
	assert_int_equal(row_with(&p, "     12      12  replay               ▁"), row_with(&p, "DROPS/s") + 1);
	assert_int_equal(row_with(&p, "                 sequence number seen before"), row_with(&p, "DROPS/s") + 2);
	draw(60, 8);
	assert_int_equal(row_with(&p, "drops: 12/s replay: a few: reordered"), 5);
}

/* What is urgent is said whatever the room, and before anything else. */
static void urgent(void **state)
{
	(void)state;
	board_is("[]");
	say(TINT_BAD, "instance default: NOT RUNNING: protected traffic stays blocked");
	say(TINT_NONE, "IKE 12");
	say(TINT_WARN, "WARNING: keylog = yes");
	draw(40, 10);
	assert_int_equal(row_with(&p, "NOT RUNNING"), 0);
	assert_int_equal(row_with(&p, "WARNING: keylog"), 1);
	assert_int_equal(row_with(&p, "IKE 12"), -1);
	assert_in_range(row_with(&p, "no connections, and no SAs by hand"), 3, 5);
}

static void pages_of_text(void **state)
{
	const struct row *core;

	(void)state;
	screen_set((struct screen){.width = 60});
	two_connections();
	core = board_find(&board, "core1");
	p = page_new(60, 8, true);
	view.scrolled = 1000;
	details_draw(&p, &view, core, "connection core1: up\n  one\n  two\n  three\n  four\n  five\n");
	assert_string_equal(line_of_page(&p, 0), "connection core1: up");
	assert_int_equal(row_with(&p, "  five"), 6);
	assert_int_equal(row_with(&p, "  one"), -1);
	assert_int_equal(view.scrolled, 1);
	page_free(&p);
	p = page_new(60, 8, true);
	strcpy(view.selected, "core9");
	details_draw(&p, &view, NULL, "");
	assert_string_equal(line_of_page(&p, 0), "core9 is gone");
	page_free(&p);
	p = page_new(60, 40, true);
	help_draw(&p, &view);
	assert_in_range(row_with(&p, "  q            quit"), 1, 3);
	assert_int_equal(row_with(&p, "…"), -1);
}

/* Each lane by itself while there is room, then a bar of each. */
static void lanes(void **state)
{
	struct board_measure m = {.seconds = 1, .opened = {[0] = 1000, [1] = 10}, .sealed = {[0] = 500}};

	(void)state;
	board_is("[]");
	board_measure(&board, &m, NOON);
	draw(80, 24);
	assert_string_equal(line_of_page(&p, 3), "lanes, pkt/s  0: 1.00k in, 500 out      1: 10 in, 0 out");
	page_free(&p);
	p = page_new(80, 24, true);
	overview_draw(&p, &board, &view, &head, 16, NOON);
	assert_string_equal(line_of_page(&p, 3), "lanes, pkt/s  █▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁  the busiest is 0: 1.50k");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(usual, tear_down),
		cmocka_unit_test_teardown(sizes, tear_down),
		cmocka_unit_test_teardown(many, tear_down),
		cmocka_unit_test_teardown(columns_that_have_something, tear_down),
		cmocka_unit_test_teardown(drops_with_what_they_come_of, tear_down),
		cmocka_unit_test_teardown(urgent, tear_down),
		cmocka_unit_test_teardown(pages_of_text, tear_down),
		cmocka_unit_test_teardown(lanes, tear_down),
	};

	return cmocka_run_group_tests(tests, utf8, NULL);
}
