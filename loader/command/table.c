/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "table.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "lib/fault.h"
#include "lines.h"

#define COLUMNS_MAX 16
#define GAP	    2
/* A column of text that is narrower is no pleasure to read. */
#define WRAPPED_MIN 24

struct cell {
	char *text;
	enum tint tint;
};

struct table {
	size_t columns;
	bool right[COLUMNS_MAX];
	size_t width[COLUMNS_MAX];
	bool wraps;	    /* the last column */
	struct cell *cells; /* the headers are the first line */
	size_t count;
	size_t room;
};

static void *or_die(void *memory)
{
	if (!memory) {
		fputs("xdp-ipsec: out of memory\n", stderr);
		exit(EXIT_FAILURE);
	}
	return memory;
}

static void add(struct table *t, char *text)
{
	const size_t column = t->count % t->columns, n = strlen(text);

	if (t->count == t->room) {
		t->room = t->room ? t->room * 2 : 64;
		t->cells = or_die(realloc(t->cells, t->room * sizeof(*t->cells)));
	}
	t->cells[t->count++] = (struct cell){.text = text};
	if (n > t->width[column])
		t->width[column] = n;
}

static size_t count_columns(const char *headers)
{
	size_t n = 1;

	for (; *headers; headers++)
		n += *headers == '|';
	return n < COLUMNS_MAX ? n : COLUMNS_MAX;
}

struct table *table_new(const char *headers)
{
	struct table *t = or_die(calloc(1, sizeof(*t)));

	t->columns = count_columns(headers);
	for (size_t i = 0; i < t->columns; i++) {
		const size_t n = strcspn(headers, "|"), mark = headers[0] == '>' || headers[0] == '~';

		t->right[i] = headers[0] == '>';
		t->wraps = headers[0] == '~';
		add(t, or_die(strndup(headers + mark, n - mark)));
		headers += n + 1;
	}
	return t;
}

void table_cell(struct table *t, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	text = or_die(text);
	make_one_line(text);
	add(t, text);
}

void table_tint(struct table *t, enum tint tint)
{
	t->cells[t->count - 1].tint = tint;
}

/* ---- as a table ---- */

static size_t width_before_last(const struct table *t)
{
	size_t width = 0;

	for (size_t i = 0; i + 1 < t->columns; i++)
		width += t->width[i] + GAP;
	return width;
}

bool table_fits(const struct table *t)
{
	const size_t last = t->width[t->columns - 1];

	return !screen()->width ||
	       width_before_last(t) + (t->wraps && last > WRAPPED_MIN ? WRAPPED_MIN : last) <= screen()->width;
}

static void print_padding(size_t width, const char *text, FILE *out)
{
	const size_t n = strlen(text);

	fprintf(out, "%*s", n < width ? (int)(width - n) : 0, "");
}

static void print_cell(const struct table *t, size_t i, FILE *out)
{
	const size_t column = i % t->columns;
	const bool last = column == t->columns - 1;
	const struct cell *c = &t->cells[i];

	if (t->right[column])
		print_padding(t->width[column], c->text, out);
	fputs(tint_begin(c->tint), out);
	if (last && t->wraps)
		lines_wrap(out, (unsigned)width_before_last(t), (unsigned)width_before_last(t), c->text);
	else
		fputs(c->text, out);
	fputs(tint_end(c->tint), out);
	if (!t->right[column] && !last)
		print_padding(t->width[column], c->text, out);
	fprintf(out, "%*s", last ? 0 : GAP, "");
	if (last)
		fputc('\n', out);
}

/* ---- as paragraphs ---- */

static void label_of(const struct table *t, size_t column, char label[LINES_INDENT - 2])
{
	snprintf(label, LINES_INDENT - 2, "%s", t->cells[column].text);
	for (; *label; label++)
		*label = (char)tolower((unsigned char)*label);
}

static void print_paragraph(const struct table *t, size_t first, FILE *out)
{
	char label[LINES_INDENT - 2];

	label_of(t, 0, label);
	lines_text(out, TINT_HEAD, 2, "%s %s", label, t->cells[first].text);
	for (size_t i = 1; i < t->columns; i++) {
		const struct cell *c = &t->cells[first + i];

		if (strcmp(c->text, "-") == 0)
			continue;
		label_of(t, i, label);
		lines_item(out, c->tint, label, "%s", c->text);
	}
}

void table_print(struct table *t, FILE *out)
{
	const bool fits = table_fits(t);

	if (fits && t->count > t->columns)
		for (size_t i = 0; i < t->count; i++)
			print_cell(t, i, out);
	for (size_t i = t->columns; !fits && i + t->columns <= t->count; i += t->columns)
		print_paragraph(t, i, out);
	table_free(t);
}

void table_free(struct table *t)
{
	for (size_t i = 0; i < t->count; i++)
		free(t->cells[i].text);
	free(t->cells);
	free(t);
}
