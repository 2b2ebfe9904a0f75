/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A page of characters, on which everything is drawn before it goes to the terminal. What a peer may have put into a
 * text ends here: a character that is not to be seen, as those that a terminal obeys, becomes '?' or is left out.
 */
#ifndef LOADER_MONITOR_PAGE_H
#define LOADER_MONITOR_PAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <wchar.h>

#include "command/screen.h"
#include "history.h"

/* Beside an enum tint. */
enum page_style {
	PAGE_TINTS = 0x0f,
	PAGE_REVERSE = 0x10,
	PAGE_DIM = 0x20,
};

struct cell {
	wchar_t ch; /* 0: the second half of a wide one before it */
	uint8_t style;
};

struct page {
	unsigned width;
	unsigned height;
	bool unicode; /* whether it may have more than ASCII */
	struct cell *cells;
};

/* An empty page, which page_free() frees; whatever its size, its cells are there. Ends the program without memory. */
struct page page_new(unsigned width, unsigned height, bool unicode);
void page_free(struct page *p);

void page_put(struct page *p, unsigned row, unsigned column, unsigned style, wchar_t ch);

/*
 * Text (of the locale's encoding) into at most `room` columns from there on, and cut where it is longer, with a sign of
 * it. What is outside the page is not drawn. Returns the columns that it has taken.
 */
unsigned page_text(struct page *p, unsigned row, unsigned column, unsigned room, unsigned style, const char *text);

unsigned page_print(struct page *p, unsigned row, unsigned column, unsigned room, unsigned style, const char *format,
		    ...) __attribute__((format(printf, 6, 7)));

/* The same, at the right end of the room. */
void page_right(struct page *p, unsigned row, unsigned column, unsigned room, unsigned style, const char *text);

/* Text over several rows, of `rows` at the most, parted at blanks: the first from column `begin` on, the others from
 * `hang`. Returns the rows that it has taken. */
unsigned page_wrap(struct page *p, unsigned row, unsigned rows, unsigned begin, unsigned hang, unsigned style,
		   const char *text);

/* A sparkline into at most `room` columns. Returns those that it has taken. */
unsigned page_spark(struct page *p, unsigned row, unsigned column, unsigned room, unsigned style,
		    const struct history *h);

/* The character for a level. */
wchar_t page_spark_char(const struct page *p, int8_t level);

/* All of a row gets that style beside what it has. */
void page_add_style(struct page *p, unsigned row, unsigned style);

/* How many columns a text takes. */
unsigned text_columns(const char *text);

#endif
