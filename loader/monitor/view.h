/* SPDX-License-Identifier: BSD-2-Clause */
/* What of the board is looked at, and how: what the keys change. */
#ifndef LOADER_MONITOR_VIEW_H
#define LOADER_MONITOR_VIEW_H

#include "board.h"

enum view_mode {
	VIEW_LIST,
	VIEW_DETAILS, /* of the row that is selected */
	VIEW_HELP,
};

enum view_sort {
	SORT_FILE, /* as the file has them */
	SORT_TRAFFIC,
	SORT_TROUBLE,
	SORT_NAME,
	SORT_ROUND_TRIP,
	SORT_COUNT,
};

#define FILTER_MAX 64

struct view {
	enum view_mode mode;
	enum view_sort sort;
	bool editing; /* the filter is being typed */
	char filter[FILTER_MAX];
	char selected[ROW_NAME]; /* by its name, so that it stays it wherever it moves; "": the first */
	unsigned scrolled;	 /* rows above the first that is shown, in a list or in details */
	unsigned page;		 /* rows that were shown last time */
};

/* Of the board what passes the filter, in its order. */
struct selection {
	const struct row **rows;
	size_t count;
	size_t at; /* which is selected */
};

struct selection selection_of(const struct board *b, const struct view *v);
void selection_free(struct selection *s);

const char *sort_name(enum view_sort sort);

/* Keys that are no character; all others are the character. */
enum view_key {
	VIEW_KEY_NONE = 0,
	VIEW_KEY_ENTER = '\n',
	VIEW_KEY_ESCAPE = 27,
	VIEW_KEY_UP = 0x110000,
	VIEW_KEY_DOWN,
	VIEW_KEY_PAGE_UP,
	VIEW_KEY_PAGE_DOWN,
	VIEW_KEY_HOME,
	VIEW_KEY_END,
	VIEW_KEY_BACKSPACE,
	VIEW_KEY_LEFT,
	VIEW_KEY_OTHER, /* that nothing is done by */
};

/* A key was pressed. False: that was the end. */
bool view_key(struct view *v, const struct board *b, unsigned key);

#endif
