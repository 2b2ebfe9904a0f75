/* SPDX-License-Identifier: BSD-2-Clause */
#include "help.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "lines.h"
#include "options.h"

#define USAGE_TEXT 512

static void print_usage(const struct command *c)
{
	char text[USAGE_TEXT];
	int n = snprintf(text, sizeof(text), "usage: " PROGRAM " %s", c->name);

	for (const struct word *w = c->words; w && w->name && n < USAGE_TEXT; w++) {
		const bool required = w->flags & WORD_REQUIRED;

		n += snprintf(text + n, sizeof(text) - (size_t)n, " %s%s%s%s%s", required ? "" : "[",
			      w->flags & WORD_POSITIONAL ? "" : w->name,
			      w->value && !(w->flags & WORD_POSITIONAL) ? " " : "", w->value ? w->value : "",
			      required ? "" : "]");
	}
	lines_text(stdout, TINT_NONE, strlen("usage: "), "%s", text);
}

/* "  LABEL    what it is": wrapped behind the label. */
static void print_line(int width, const char *label, const char *text)
{
	const unsigned begin = (unsigned)printf("  %-*s ", width, label);

	lines_wrap(stdout, begin, 2 + (unsigned)width + 1, text);
	putchar('\n');
}

#define COMMAND_WIDTH 16
#define WORD_WIDTH    (screen()->width && screen()->width < 100 ? 24 : 40)

static void print_words(const struct word *w)
{
	for (; w && w->name; w++) {
		char text[48];

		if (w->flags & WORD_POSITIONAL)
			snprintf(text, sizeof(text), "%s", w->value);
		else
			snprintf(text, sizeof(text), "%s %s", w->name, w->value ? w->value : "");
		print_line(WORD_WIDTH, text, w->help);
	}
}

int help_command(const struct command *c)
{
	print_usage(c);
	printf("\n%s\n", c->summary);
	if (c->words) {
		putchar('\n');
		print_words(c->words);
	}
	printf("\nwith every command:\n");
	print_words(words_of_all);
	return EXIT_SUCCESS;
}

int help_all(const struct command *table)
{
	printf("usage: " PROGRAM " [--instance NAME] [-j|-p] COMMAND ...\n\n");
	for (const struct command *c = table; c->name; c++)
		print_line(COMMAND_WIDTH, c->name, c->summary);
	printf("\n'" PROGRAM " help COMMAND' tells more. With every command:\n");
	print_words(words_of_all);
	return EXIT_SUCCESS;
}

int help_group(const struct command *table, const char *group)
{
	const size_t n = strlen(group);

	for (const struct command *c = table; c->name; c++)
		if (strncmp(c->name, group, n) == 0 && c->name[n] == ' ')
			print_line(COMMAND_WIDTH, c->name, c->summary);
	printf("\n'" PROGRAM " help COMMAND' tells more.\n");
	return EXIT_SUCCESS;
}
