/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of connections: which columns there is room for, and what stands in them. */
#ifndef LOADER_MONITOR_COLUMNS_H
#define LOADER_MONITOR_COLUMNS_H

#include "page.h"
#include "view.h"

enum column {
	COLUMN_NAME,
	COLUMN_STATE,
	COLUMN_AGE,
	COLUMN_IN,
	COLUMN_IN_PACKETS,
	COLUMN_OUT,
	COLUMN_OUT_PACKETS,
	COLUMN_MINUTE,
	COLUMN_RTT,
	COLUMN_LOSS,
	COLUMN_PEER,
	COLUMN_IDENTITY,
	COLUMN_COUNT,
};

struct columns {
	unsigned width[COLUMN_COUNT]; /* 0: there is no room for it, or nothing to put there */
	unsigned gap;		      /* between two */
};

/* Columns for a page of that width, by what all rows of the board have to put there: they stay where they are while one
 * scrolls, and while figures change. */
struct columns columns_for(const struct board *b, unsigned width);

void columns_head(struct page *p, unsigned row, const struct columns *c);

/* Of a row that is in trouble, what that is takes the place of what is behind its rates, or if nothing moves, of these,
 * too. */
void columns_row(struct page *p, unsigned row, const struct columns *c, const struct row *r);

#endif
