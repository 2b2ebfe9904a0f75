/* SPDX-License-Identifier: BSD-2-Clause */
/* What stands beside the connections. Each pane takes what it needs of the rows it is given, and returns how many. */
#ifndef LOADER_MONITOR_PANES_H
#define LOADER_MONITOR_PANES_H

#include "board.h"
#include "page.h"

/* Of several lanes, where they run and what each does, or where there is no room for that, a bar of each. */
unsigned panes_lanes(struct page *p, unsigned row, const struct board *b, unsigned lanes);

/* Reasons for which packets were dropped in the last minute, the most frequent first, and what they mostly come of. */
unsigned panes_drops(struct page *p, unsigned row, unsigned rows, const struct board *b);
unsigned panes_drops_wanted(const struct board *b, unsigned width);

/* News, the latest first. */
unsigned panes_news(struct page *p, unsigned row, unsigned rows, const struct board *b);
unsigned panes_news_wanted(const struct board *b);

#endif
