/* SPDX-License-Identifier: BSD-2-Clause */
/* A board out of JSON, as looks at a host would have made it. For tests with cmocka. */
#ifndef TESTS_UNIT_LOADER_BOARD_MADE_H
#define TESTS_UNIT_LOADER_BOARD_MADE_H

#include <stdlib.h>

#include "monitor/board.h"

#define NOON 1700000000

#define UP(name, peer) "{\"name\":\"" name "\",\"remote\":\"" peer "\",\"state\":\"up\",\"state_s\":3723}"
#define DOWN(name, peer) \
	"{\"name\":\"" name "\",\"remote\":\"" peer \
	"\",\"state\":\"down\",\"state_s\":42,\"failures\":[{\"kind\":\"failed\"," \
	"\"what\":\"the PSKs differ\",\"notify\":\"AUTHENTICATION_FAILED\",\"from\":\"" peer \
	"\",\"tries\":3,\"last_s\":12," \
	"\"over\":false}]}"
#define TRAP(name, peer) "{\"name\":\"" name "\",\"remote\":\"" peer "\",\"state\":\"trap\",\"state_s\":null}"

static struct board board;
static cJSON *made;

/* The array of connections is another one from now on. */
static inline void board_is(const char *connections)
{
	cJSON *before = made;

	made = cJSON_Parse(connections);
	assert_non_null(made);
	board_take(&board, made, NULL, NOON);
	cJSON_Delete(before);
}

static inline int no_board(void **state)
{
	(void)state;
	board_free(&board);
	memset(&board, 0, sizeof(board));
	cJSON_Delete(made);
	made = NULL;
	return 0;
}

/* A second has passed: so many bits came and left by each row, and so many packets were dropped since ever. */
static inline void board_second(const double in[], const double out[], uint64_t replays)
{
	struct rate *rates = calloc(2 * board.count + 1, sizeof(*rates));
	struct board_measure m = {.seconds = 1, .in = rates, .out = rates + board.count};

	for (size_t i = 0; i < board.count; i++) {
		rates[i] = (struct rate){in[i] / 8000, in[i]};
		rates[board.count + i] = (struct rate){out[i] / 8000, out[i]};
		m.all_in = (struct rate){m.all_in.packets + in[i] / 8000, m.all_in.bits + in[i]};
		m.all_out = (struct rate){m.all_out.packets + out[i] / 8000, m.all_out.bits + out[i]};
	}
	m.counts[REASON_REPLAY] = replays;
	board_measure(&board, &m, NOON);
	free(rates);
}

/* The news of that age, or "". */
static inline const char *news_text(size_t age)
{
	const struct news_item *item = news_get(&board.news, age);

	return item ? item->text : "";
}

#endif
