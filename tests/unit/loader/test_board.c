/* SPDX-License-Identifier: BSD-2-Clause */
/* What looks at a host make of the board: rows that stay the same, histories, news. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "board_made.h"

/* Wherever a connection stands in the next answer, its minute is its own. */
static void histories_follow(void **state)
{
	(void)state;
	board_is("[" UP("a", "192.0.2.1") "," UP("b", "192.0.2.2") "]");
	board_second((double[]){1000, 2000}, (double[]){0, 500}, 0);
	board_is("[" UP("new", "192.0.2.9") "," UP("b", "192.0.2.2") "," UP("a", "192.0.2.1") "]");
	assert_int_equal(board.count, 3);
	assert_int_equal(board.rows[0].in.bits.count, 0);
	assert_int_equal(board.rows[1].in.bits.samples[0], 2000);
	assert_int_equal(row_traffic(&board.rows[1]), 2500);
	assert_int_equal(board.rows[2].in.bits.samples[0], 1000);
	assert_int_equal(board.in.bits.samples[0], 3000);
	assert_ptr_equal(board_find(&board, "a"), &board.rows[2]);
	assert_null(board_find(&board, "c"));
}

/* Peers of a mesh are rows with the same name. */
static void a_mesh(void **state)
{
	(void)state;
	board_is("[{\"name\":\"mesh\",\"remote\":\"192.0.2.0/24\",\"peer\":\"192.0.2.7\",\"state\":\"up\"},"
		 "{\"name\":\"mesh\",\"remote\":\"192.0.2.0/24\",\"peer\":\"192.0.2.8\",\"state\":\"up\"}]");
	assert_string_equal(board.rows[0].name, "mesh 192.0.2.7");
	assert_string_equal(board.rows[1].name, "mesh 192.0.2.8");
}

/* Nothing of what was there when one began to look; then each change once. */
static void news_of_connections(void **state)
{
	(void)state;
	board_is("[" DOWN("core", "192.0.2.1") "]");
	assert_int_equal(board.news.count, 0);
	board_is("[" DOWN("core", "192.0.2.1") "]");
	assert_int_equal(board.news.count, 0);
	board_is("[" UP("core", "192.0.2.1") "]");
	assert_string_equal(news_text(0), "core: up, was down");
	assert_int_equal(news_get(&board.news, 0)->tint, TINT_GOOD);
	board_is("[" DOWN("core", "192.0.2.1") "]");
	assert_string_equal(news_text(1), "core: down, was up");
	assert_string_equal(news_text(0),
			    "core: AUTHENTICATION_FAILED from 192.0.2.1, 3 tries, last 12s ago: the PSKs differ");
	assert_int_equal(board.news.count, 3);
}

static void news_of_keys(void **state)
{
	(void)state;
	board_is("[{\"name\":\"core\",\"state\":\"up\",\"children\":[{\"spi_in\":4097}]}]");
	board_is("[{\"name\":\"core\",\"state\":\"up\",\"children\":[{\"spi_in\":4098},{\"spi_in\":4097}]}]");
	assert_string_equal(news_text(0), "core: has new keys");
	board_is("[{\"name\":\"core\",\"state\":\"up\",\"children\":[{\"spi_in\":4098}],\"note\":\"none has come\"}]");
	assert_string_equal(news_text(0), "core: none has come");
	assert_int_equal(board.news.count, 2);
}

static void news_of_daemons(void **state)
{
	cJSON *one = cJSON_Parse("{\"pid\":10,\"worker\":{\"pid\":11},\"ike\":{\"pid\":12}}"),
	      *two = cJSON_Parse("{\"pid\":10,\"worker\":{\"pid\":13},\"ike\":{\"pid\":null}}");

	(void)state;
	news_of_daemon(&board.news, NOON, one, one);
	assert_int_equal(board.news.count, 0);
	news_of_daemon(&board.news, NOON, one, two);
	assert_int_equal(board.news.count, 0);
	news_of_processes(&board.news, NOON, one, two);
	assert_string_equal(news_text(1), "the worker has started, pid 13: another than before");
	assert_string_equal(news_text(0), "IKE has ended, it was pid 12");
	news_of_daemon(&board.news, NOON, two, NULL);
	assert_string_equal(news_text(0), "the daemon has ended, it was pid 10");
	news_of_daemon(&board.news, NOON, NULL, NULL);
	assert_int_equal(board.news.count, 3);
	cJSON_Delete(one);
	cJSON_Delete(two);
}

/* What the daemon tells itself is not told a second time. */
static void told_by_the_daemon(void **state)
{
	cJSON *event = cJSON_Parse(
		"{\"version\":1,\"event\":\"connection_down\",\"connection\":\"core\",\"why\":\"\\u001b[2J\"}");

	(void)state;
	board.told = true;
	board_is("[" UP("core", "192.0.2.1") "]");
	board_is("[" DOWN("core", "192.0.2.1") "]");
	board_second((double[]){0}, (double[]){0}, 7);
	assert_int_equal(board.news.count, 0);
	news_of_event(&board.news, NOON, event);
	assert_memory_equal(news_text(0), "core: connection_down why=", 26);
	assert_int_equal(news_get(&board.news, 0)->tint, TINT_WARN);
	cJSON_Delete(event);
}

/* What was dropped before is no drop of now; and that it begins is told once, until it has been quiet for a minute. */
static void drops(void **state)
{
	struct board_measure first = {.seconds = 0, .counts = {[REASON_REPLAY] = 100}};

	(void)state;
	board_is("[]");
	board_measure(&board, &first, NOON);
	board_second(NULL, NULL, 100);
	assert_int_equal(board.drops[REASON_REPLAY].now, 0);
	assert_int_equal(board.news.count, 0);
	board_second(NULL, NULL, 112);
	assert_int_equal(board.drops[REASON_REPLAY].now, 12);
	assert_int_equal(board.drops[REASON_REPLAY].total, 112);
	assert_memory_equal(news_text(0), "packets are dropped: replay (", 29);
	board_second(NULL, NULL, 113);
	assert_int_equal(board.news.count, 1);
	/* Other maps. */
	board_second(NULL, NULL, 0);
	assert_int_equal(board.drops[REASON_REPLAY].now, 0);
	for (unsigned i = 0; i < 60; i++)
		board_second(NULL, NULL, 0);
	board_second(NULL, NULL, 1);
	assert_int_equal(board.news.count, 2);
}

static void old_news_are_forgotten(void **state)
{
	(void)state;
	for (unsigned i = 0; i < NEWS_MAX + 5; i++)
		news_add(&board.news, NOON, TINT_NONE, "%u", i);
	assert_string_equal(news_text(0), "104");
	assert_string_equal(news_text(NEWS_MAX - 1), "5");
	assert_null(news_get(&board.news, NEWS_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(histories_follow, no_board),
		cmocka_unit_test_teardown(a_mesh, no_board),
		cmocka_unit_test_teardown(news_of_connections, no_board),
		cmocka_unit_test_teardown(news_of_keys, no_board),
		cmocka_unit_test_teardown(news_of_daemons, no_board),
		cmocka_unit_test_teardown(told_by_the_daemon, no_board),
		cmocka_unit_test_teardown(drops, no_board),
		cmocka_unit_test_teardown(old_news_are_forgotten, no_board),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
