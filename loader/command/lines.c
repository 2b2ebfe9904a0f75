/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "lines.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "lib/fault.h"

/* How much of the text goes into so much room: up to a space, or if there is none, what fits. */
static size_t piece(const char *text, size_t room)
{
	size_t n = strlen(text), cut;

	if (n <= room)
		return n;
	for (cut = room; cut && text[cut] != ' '; cut--)
		;
	if (cut)
		return cut;
	/* Not within a character. */
	for (cut = room; cut > 1 && ((unsigned char)text[cut] & 0xc0) == 0x80; cut--)
		;
	return cut;
}

/* A word that would fit on a line of its own is not cut in two because little room is left here. */
static bool is_better_below(const char *text, size_t room, size_t whole)
{
	const size_t word = strcspn(text, " ");

	return word > room && word <= whole;
}

void lines_wrap(FILE *out, unsigned column, unsigned hang, const char *text)
{
	const unsigned width = screen()->width, whole = width > hang + 8 ? width - hang : 8;
	size_t room = width > column ? width - column : 0;

	if (!width) {
		fputs(text, out);
		return;
	}
	while (*text) {
		if (room && !is_better_below(text, room, whole)) {
			const size_t n = piece(text, room);

			fprintf(out, "%.*s", (int)n, text);
			text += n;
			text += strspn(text, " ");
		}
		if (*text)
			fprintf(out, "\n%*s", hang, "");
		room = whole;
	}
}

void lines_command(FILE *out, const char *text)
{
	static const char below[] = " \\\n   ";
	const size_t width = screen()->width;
	size_t column = 0;

	while (*text) {
		const size_t n = strcspn(text, " "), behind = text[n] ? strlen(" \\") : 0;

		if (width && column && column + 1 + n + behind > width) {
			fputs(below, out);
			column = strlen("   ");
		}
		fprintf(out, "%s%.*s", column ? " " : "", (int)n, text);
		column += (column ? 1 : 0) + n;
		text += n + strspn(text + n, " ");
	}
	fputc('\n', out);
}

static char *formatted(const char *format, va_list args)
{
	char *text;

	if (vasprintf(&text, format, args) < 0) {
		fputs("xdp-ipsec: out of memory\n", stderr);
		exit(EXIT_FAILURE);
	}
	make_one_line(text);
	return text;
}

static void print_tinted(FILE *out, enum tint tint, unsigned column, unsigned hang, char *text)
{
	fputs(tint_begin(tint), out);
	lines_wrap(out, column, hang, text);
	fputs(tint_end(tint), out);
	fputc('\n', out);
	free(text);
}

void lines_text(FILE *out, enum tint tint, unsigned hang, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = formatted(format, args);
	va_end(args);
	print_tinted(out, tint, 0, hang, text);
}

void lines_item(FILE *out, enum tint tint, const char *label, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = formatted(format, args);
	va_end(args);
	fprintf(out, "  %-*s", LINES_INDENT - 2, label);
	print_tinted(out, tint, LINES_INDENT, LINES_INDENT, text);
}
