/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "table.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/fault.h"

#define COLUMNS_MAX 16
#define GAP	    2

struct table {
	size_t columns;
	bool right[COLUMNS_MAX];
	size_t width[COLUMNS_MAX];
	char **cells; /* the headers are the first line */
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
	t->cells[t->count++] = text;
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
		const size_t n = strcspn(headers, "|");

		t->right[i] = headers[0] == '>';
		add(t, or_die(strndup(headers + t->right[i], n - t->right[i])));
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
	make_one_line(or_die(text));
	add(t, text);
}

static void print_cell(const struct table *t, size_t i, FILE *out)
{
	const size_t column = i % t->columns;
	const bool last = column == t->columns - 1;
	const int width = (int)t->width[column];

	if (t->right[column])
		fprintf(out, "%*s", width, t->cells[i]);
	else
		fprintf(out, "%-*s", last ? 0 : width, t->cells[i]);
	fprintf(out, "%*s", last ? 0 : GAP, "");
	if (last)
		fputc('\n', out);
}

void table_print(struct table *t, FILE *out)
{
	for (size_t i = 0; i < t->count; i++) {
		if (t->count > t->columns)
			print_cell(t, i, out);
		free(t->cells[i]);
	}
	free(t->cells);
	free(t);
}
