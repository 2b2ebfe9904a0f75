/* SPDX-License-Identifier: BSD-2-Clause */
#include "help.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "words.h"

static void print_usage(const struct command *c)
{
	printf("usage: " PROGRAM " %s", c->name);
	for (const struct word *w = c->words; w && w->name; w++) {
		const bool required = w->flags & WORD_REQUIRED;

		printf(" %s%s%s%s%s", required ? "" : "[", w->flags & WORD_POSITIONAL ? "" : w->name,
		       w->value && !(w->flags & WORD_POSITIONAL) ? " " : "", w->value ? w->value : "",
		       required ? "" : "]");
	}
	putchar('\n');
}

static void print_words(const struct word *w)
{
	for (; w && w->name; w++) {
		char text[48];

		if (w->flags & WORD_POSITIONAL)
			snprintf(text, sizeof(text), "%s", w->value);
		else
			snprintf(text, sizeof(text), "%s %s", w->name, w->value ? w->value : "");
		printf("  %-40s %s\n", text, w->help);
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
		printf("  %-16s %s\n", c->name, c->summary);
	printf("\n'" PROGRAM " help COMMAND' tells more. With every command:\n");
	print_words(words_of_all);
	return EXIT_SUCCESS;
}

int help_group(const struct command *table, const char *group)
{
	const size_t n = strlen(group);

	for (const struct command *c = table; c->name; c++)
		if (strncmp(c->name, group, n) == 0 && c->name[n] == ' ')
			printf("  %-16s %s\n", c->name, c->summary);
	printf("\n'" PROGRAM " help COMMAND' tells more.\n");
	return EXIT_SUCCESS;
}
