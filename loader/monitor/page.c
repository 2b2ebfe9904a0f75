/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "page.h"

#include <err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PRINT_MAX 1024

struct page page_new(unsigned width, unsigned height, bool unicode)
{
	struct page p = {width, height, unicode, calloc((size_t)width * height + 1, sizeof(struct cell))};

	if (!p.cells)
		err(EXIT_FAILURE, "a page of %u x %u", width, height);
	for (size_t i = 0; i < (size_t)width * height; i++)
		p.cells[i].ch = L' ';
	return p;
}

void page_free(struct page *p)
{
	free(p->cells);
	p->cells = NULL;
}

void page_put(struct page *p, unsigned row, unsigned column, unsigned style, wchar_t ch)
{
	if (row < p->height && column < p->width)
		p->cells[row * p->width + column] = (struct cell){ch, (uint8_t)style};
}

/* ---- characters ---- */

/* The next character of the text, and how many columns it takes: 0, of what goes on top of another or turns the
 * direction, is not shown. False: the text has ended. */
static bool next_char(const char **text, mbstate_t *state, wchar_t *ch, unsigned *columns)
{
	const size_t n = mbrtowc(ch, *text, MB_CUR_MAX, state);
	int width;

	if (!**text)
		return false;
	if (n == (size_t)-1 || n == (size_t)-2) {
		*state = (mbstate_t){0};
		*ch = L'?';
		*text += 1;
		*columns = 1;
		return true;
	}
	*text += n;
	width = wcwidth(*ch);
	if (width < 0)
		*ch = L'?';
	*columns = width < 0 ? 1 : (unsigned)width;
	return true;
}

unsigned text_columns(const char *text)
{
	mbstate_t state = {0};
	unsigned sum = 0, columns;
	wchar_t ch;

	while (next_char(&text, &state, &ch, &columns))
		sum += columns;
	return sum;
}

static void put_char(struct page *p, unsigned row, unsigned column, unsigned columns, unsigned style, wchar_t ch)
{
	for (unsigned i = 0; i < columns; i++)
		page_put(p, row, column + i, style, i ? 0 : ch);
}

/* The first columns of it, up to size bytes. */
static unsigned put_text(struct page *p, unsigned row, unsigned column, unsigned room, unsigned style, const char *text,
			 size_t size)
{
	const char *end = text + size;
	mbstate_t state = {0};
	unsigned taken = 0, columns;
	wchar_t ch;

	while (text < end && next_char(&text, &state, &ch, &columns)) {
		if (taken + columns > room)
			break;
		put_char(p, row, column + taken, columns, style, ch);
		taken += columns;
	}
	return taken;
}

/* ---- text ---- */

/* Less than the page has, so that no wide character is halved at its edge. */
static unsigned room_of(const struct page *p, unsigned column, unsigned room)
{
	const unsigned left = column < p->width ? p->width - column : 0;

	return room < left ? room : left;
}

unsigned page_text(struct page *p, unsigned row, unsigned column, unsigned room, unsigned style, const char *text)
{
	unsigned taken;

	room = room_of(p, column, room);
	if (!room || text_columns(text) <= room)
		return put_text(p, row, column, room, style, text, strlen(text));
	taken = put_text(p, row, column, room - 1, style, text, strlen(text));
	page_put(p, row, column + taken, style, p->unicode ? L'\u2026' : L'~');
	return taken + 1;
}

unsigned page_print(struct page *p, unsigned row, unsigned column, unsigned room, unsigned style, const char *format,
		    ...)
{
	char text[PRINT_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return page_text(p, row, column, room, style, text);
}

void page_right(struct page *p, unsigned row, unsigned column, unsigned room, unsigned style, const char *text)
{
	const unsigned columns = text_columns(text);

	page_text(p, row, columns < room ? column + room - columns : column, room, style, text);
}

/* Bytes of the text that fill so many columns at the most, up to a blank if there is one. */
static size_t line_of(const char *text, unsigned room)
{
	const char *at = text, *blank = NULL, *before = text;
	mbstate_t state = {0};
	unsigned taken = 0, columns;
	wchar_t ch;

	while (next_char(&at, &state, &ch, &columns)) {
		taken += columns;
		if (ch == L' ')
			blank = before;
		if (taken > room)
			return (size_t)((blank && blank > text ? blank : before > text ? before : at) - text);
		before = at;
	}
	return strlen(text);
}

unsigned page_wrap(struct page *p, unsigned row, unsigned rows, unsigned begin, unsigned hang, unsigned style,
		   const char *text)
{
	unsigned taken = 0;

	for (; taken < rows && *text; taken++) {
		const unsigned column = taken ? hang : begin, room = room_of(p, column, p->width);
		const size_t size = line_of(text, room);

		if (taken + 1 == rows || !room) {
			page_text(p, row + taken, column, room, style, text);
			return taken + 1;
		}
		put_text(p, row + taken, column, room, style, text, size);
		text += size;
		text += strspn(text, " ");
	}
	return taken;
}

/* ---- sparklines ---- */

wchar_t page_spark_char(const struct page *p, int8_t level)
{
	if (level < SPARK_ZERO)
		return L' ';
	return (p->unicode ? L"\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588" : L"_.:-=+*#")[level];
}

unsigned page_spark(struct page *p, unsigned row, unsigned column, unsigned room, unsigned style,
		    const struct history *h)
{
	const unsigned width = spark_width(room_of(p, column, room));
	int8_t levels[HISTORY_SAMPLES];

	if (!width)
		return 0;
	spark_levels(h, width, levels);
	for (unsigned i = 0; i < width; i++)
		page_put(p, row, column + i, style, page_spark_char(p, levels[i]));
	return width;
}

void page_add_style(struct page *p, unsigned row, unsigned style)
{
	for (unsigned i = 0; row < p->height && i < p->width; i++)
		p->cells[row * p->width + i].style |= (uint8_t)style;
}
