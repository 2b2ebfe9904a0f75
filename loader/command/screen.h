/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the text goes to: how wide it is, and whether it has colours. Text that does not go to a terminal is as wide as
 * it is, so that what reads it finds each line whole; COLUMNS says otherwise.
 */
#ifndef LOADER_COMMAND_SCREEN_H
#define LOADER_COMMAND_SCREEN_H

#include <stdbool.h>

enum tint {
	TINT_NONE,
	TINT_HEAD, /* what a paragraph is about */
	TINT_GOOD,
	TINT_WARN,
	TINT_BAD,
};

struct screen {
	unsigned width; /* columns; 0: no limit */
	bool colours;
};

/* Who is told a line of text: it is wrapped by him, where that is needed. */
typedef void text_line(void *arg, enum tint tint, const char *text);

/* Of stdout; looked at once. */
const struct screen *screen(void);

/* From now on it is that one. */
void screen_set(struct screen as);

/* What is to be written before text of that tint, and after it: "" without colours. */
const char *tint_begin(enum tint tint);
const char *tint_end(enum tint tint);

#endif
