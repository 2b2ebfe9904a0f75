/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What there is to be shown: rows of connections, and of SAs that were added by hand, with what they carried in the
 * last minute; reasons for drops; lanes. It is told what each look at the host has found, and compares it with the one
 * before.
 */
#ifndef LOADER_MONITOR_BOARD_H
#define LOADER_MONITOR_BOARD_H

#include "command/rates.h"
#include "history.h"
#include "lib/json.h"
#include "maps/maps.h"
#include "news.h"

#define ROW_NAME 96

/* What goes through now, and went in the last minute, in bits a second. */
struct flow {
	struct rate now;
	struct history bits;
};

struct row {
	const cJSON *json; /* of connections_json(), or of an SA by hand: name, peer, state_s, spi */
	char name[ROW_NAME];
	bool by_hand;
	struct flow in, out;
};

struct reason_flow {
	double total;
	double now; /* packets a second */
	struct history history;
};

struct lane_flow {
	double opened, sealed; /* packets a second */
	uint64_t opened_before, sealed_before;
};

struct board {
	struct row *rows;
	size_t count;
	struct flow in, out;
	struct reason_flow drops[REASON_COUNT];
	struct lane_flow lanes[LANES_MAX];
	uint64_t counts_before[REASON_COUNT];
	struct news news;
	bool told; /* the daemon tells its events: what looks find to be different is no news then */
};

/*
 * Rows as they are now: of the connections, then of SAs by hand (NULL: none); both arrays have to outlive the board's
 * next call of this. A row that was there before keeps its history, and what is different of it becomes news. What
 * there was before has to be there yet.
 */
void board_take(struct board *b, const cJSON *connections, const cJSON *by_hand, time_t at);

/* What was measured since the last time: the rates of each row and of all together, and counters as they are now. */
struct board_measure {
	double seconds;		     /* 0: this is the first time, and there are no rates yet */
	const struct rate *in, *out; /* each row's */
	struct rate all_in, all_out;
	uint64_t counts[REASON_COUNT];
	uint64_t opened[LANES_MAX], sealed[LANES_MAX];
};

void board_measure(struct board *b, const struct board_measure *m, time_t at);

void board_free(struct board *b);

/* The row of that name; NULL: there is none. */
const struct row *board_find(const struct board *b, const char *name);

/* In and out, bits a second. */
double row_traffic(const struct row *r);

/* "up", "down", "by hand"; and in which tint. */
const char *row_state(const struct row *r, enum tint *tint);

/* What is wrong with it, in one line of CONNECTION_LINE; NULL: nothing that is known. */
const char *row_trouble(const struct row *r, char *text, enum tint *tint);

#endif
