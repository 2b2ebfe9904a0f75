/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "version.h"

#define PROGRAM		 "xdp-ipsec"
#define COMMAND_NAME_MAX 64

static const struct word global_words[] = {
	{"--instance", "NAME", "which host of several on one machine (or XDP_IPSEC_INSTANCE; 'default')", 0},
	{"-j", NULL, "JSON", WORD_ALONE},
	{"-p", NULL, "pretty JSON", WORD_ALONE},
	{"-h", NULL, "this help; --help and 'help' do the same", WORD_ALONE},
	{"-V", NULL, "the version", WORD_ALONE},
	{0},
};

struct arguments {
	int count;
	char **at;
};

static bool is_word(const char *argument, const char *name)
{
	return strcmp(argument, name) == 0;
}

static char *next_argument(struct arguments *args)
{
	if (args->count == 0)
		return NULL;
	args->count--;
	return *args->at++;
}

static int complain(const char *who, const char *text)
{
	fprintf(stderr, PROGRAM "%s%s: %s\n", who ? " " : "", who ? who : "", text);
	return EXIT_FAILURE;
}

int cli_fail(const struct invocation *inv, const char *text)
{
	return complain(inv->command->name, text);
}

int cli_usage(const struct invocation *inv, const char *text)
{
	fprintf(stderr, PROGRAM " %s: %s (see '" PROGRAM " help %s')\n", inv->command->name, text, inv->command->name);
	return EXIT_USAGE;
}

/* ---- help ---- */

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

static int help_command(const struct command *c)
{
	print_usage(c);
	printf("\n%s\n", c->summary);
	if (c->words) {
		putchar('\n');
		print_words(c->words);
	}
	printf("\nwith every command:\n");
	print_words(global_words);
	return EXIT_SUCCESS;
}

static int help_all(const struct command *table)
{
	printf("usage: " PROGRAM " [--instance NAME] [-j|-p] COMMAND ...\n\n");
	for (const struct command *c = table; c->name; c++)
		printf("  %-16s %s\n", c->name, c->summary);
	printf("\n'" PROGRAM " help COMMAND' tells more. With every command:\n");
	print_words(global_words);
	return EXIT_SUCCESS;
}

/* ---- finding the command ---- */

/* Whether some command begins with this word: "sa" for "sa add". */
static bool is_group(const struct command *table, const char *name)
{
	const size_t n = strlen(name);

	for (const struct command *c = table; c->name; c++)
		if (strncmp(c->name, name, n) == 0 && c->name[n] == ' ')
			return true;
	return false;
}

/* The commands of one group: "sa". */
static int help_group(const struct command *table, const char *group)
{
	const size_t n = strlen(group);

	for (const struct command *c = table; c->name; c++)
		if (strncmp(c->name, group, n) == 0 && c->name[n] == ' ')
			printf("  %-16s %s\n", c->name, c->summary);
	printf("\n'" PROGRAM " help COMMAND' tells more.\n");
	return EXIT_SUCCESS;
}

static const struct command *find(const struct command *table, const char *name)
{
	for (const struct command *c = table; c->name; c++)
		if (is_word(name, c->name))
			return c;
	return NULL;
}

/* Takes one argument, or two where the first names a group ("sa", "add"), and leaves their name in full. */
static const struct command *take_command(const struct command *table, struct arguments *args, char *full)
{
	const char *first = next_argument(args);

	snprintf(full, COMMAND_NAME_MAX, "%s", first);
	if (is_group(table, first) && args->count && args->at[0][0] != '-')
		snprintf(full, COMMAND_NAME_MAX, "%s %s", first, next_argument(args));
	return find(table, full);
}

static int unknown_command(const struct command *table, const char *full)
{
	fprintf(stderr, PROGRAM ": ");
	if (is_group(table, full)) {
		const char *separator = "";

		fprintf(stderr, "%s what: ", full);
		for (const struct command *c = table; c->name; c++) {
			if (strncmp(c->name, full, strlen(full)) || c->name[strlen(full)] != ' ')
				continue;
			fprintf(stderr, "%s%s", separator, c->name + strlen(full) + 1);
			separator = ", ";
		}
		fprintf(stderr, "? (see '" PROGRAM " help')\n");
	} else {
		fprintf(stderr, "no command '%s' (see '" PROGRAM " help')\n", full);
	}
	return EXIT_USAGE;
}

/* ---- reading the words ---- */

enum outcome { GO_ON, HELP, VERSION, WRONG };

/* A word that every command takes. *taken tells whether this argument was one. */
static enum outcome take_global(struct invocation *inv, struct arguments *args, bool *taken)
{
	const char *argument = args->at[0];

	*taken = true;
	if (is_word(argument, "-h") || is_word(argument, "--help"))
		return HELP;
	if (is_word(argument, "-V") || is_word(argument, "--version"))
		return VERSION;
	if (is_word(argument, "-j") || is_word(argument, "--json")) {
		inv->json = true;
	} else if (is_word(argument, "-p") || is_word(argument, "--pretty")) {
		inv->json = inv->pretty = true;
	} else if (is_word(argument, "--instance")) {
		next_argument(args);
		if (args->count == 0) {
			fprintf(stderr, PROGRAM ": --instance needs a NAME (see '" PROGRAM " help')\n");
			return WRONG;
		}
		inv->instance = args->at[0];
	} else {
		*taken = false;
		return GO_ON;
	}
	next_argument(args);
	return GO_ON;
}

static const struct word *find_word(const struct invocation *inv, const char *argument)
{
	for (const struct word *w = inv->command->words; w && w->name; w++)
		if (!(w->flags & WORD_POSITIONAL) && is_word(argument, w->name))
			return w;
	for (const struct word *w = inv->command->words; w && w->name; w++)
		if (w->flags & WORD_POSITIONAL && argument[0] != '-' && !word(inv, w->name))
			return w;
	return NULL;
}

static enum outcome take_word(struct invocation *inv, struct arguments *args)
{
	const char *argument = args->at[0], *value = "";
	const struct word *w = find_word(inv, argument);
	char text[128];

	if (!w) {
		snprintf(text, sizeof(text), "'%.60s' is none of its words", argument);
	} else if (word(inv, w->name)) {
		snprintf(text, sizeof(text), "'%s' is given twice", w->name);
	} else {
		if (!(w->flags & WORD_POSITIONAL))
			next_argument(args);
		if (!(w->flags & WORD_ALONE))
			value = next_argument(args);
		if (value) {
			cJSON_AddStringToObject(inv->words, w->name, value);
			return GO_ON;
		}
		snprintf(text, sizeof(text), "'%s' needs %s", w->name, w->value);
	}
	cli_usage(inv, text);
	return WRONG;
}

static enum outcome check_required(const struct invocation *inv)
{
	for (const struct word *w = inv->command->words; w && w->name; w++) {
		char text[128];

		if (!(w->flags & WORD_REQUIRED) || word(inv, w->name))
			continue;
		if (w->flags & WORD_POSITIONAL)
			snprintf(text, sizeof(text), "%s is missing", w->value);
		else
			snprintf(text, sizeof(text), "'%s %s' is missing", w->name, w->value);
		cli_usage(inv, text);
		return WRONG;
	}
	return GO_ON;
}

static enum outcome take_words(struct invocation *inv, struct arguments *args)
{
	enum outcome outcome = GO_ON;

	while (args->count && outcome == GO_ON) {
		bool taken;

		outcome = take_global(inv, args, &taken);
		if (!taken)
			outcome = take_word(inv, args);
	}
	return outcome == GO_ON ? check_required(inv) : outcome;
}

/* ---- running ---- */

static int print_version(void)
{
	printf(PROGRAM " " XDP_IPSEC_VERSION "\n");
	return EXIT_SUCCESS;
}

static int invoke(struct invocation *inv, struct arguments *args)
{
	int status = EXIT_USAGE;

	inv->words = cJSON_CreateObject();
	switch (take_words(inv, args)) {
	case GO_ON:
		/* An empty name is what an unset variable leaves. */
		if (!inv->instance || !*inv->instance)
			inv->instance = "default";
		status = inv->command->run(inv);
		break;
	case HELP:
		status = help_command(inv->command);
		break;
	case VERSION:
		status = print_version();
		break;
	case WRONG:
		break;
	}
	cJSON_Delete(inv->words);
	return status;
}

static int help(const struct command *table, struct arguments *args)
{
	char full[COMMAND_NAME_MAX];
	const struct command *c;

	if (args->count == 0)
		return help_all(table);
	c = take_command(table, args, full);
	if (c)
		return help_command(c);
	return is_group(table, full) ? help_group(table, full) : unknown_command(table, full);
}

int cli_run(const struct command *table, int argc, char **argv)
{
	struct arguments args = {argc - 1, argv + 1};
	struct invocation inv = {.instance = getenv("XDP_IPSEC_INSTANCE")};
	char full[COMMAND_NAME_MAX];
	bool taken = true;

	while (args.count && taken) {
		enum outcome outcome = take_global(&inv, &args, &taken);

		if (outcome != GO_ON)
			return outcome == HELP ? help_all(table) : outcome == VERSION ? print_version() : EXIT_USAGE;
	}
	if (args.count == 0) {
		fprintf(stderr, PROGRAM ": what is to be done? (see '" PROGRAM " help')\n");
		return EXIT_USAGE;
	}
	if (is_word(args.at[0], "help")) {
		next_argument(&args);
		return help(table, &args);
	}
	inv.command = take_command(table, &args, full);
	return inv.command ? invoke(&inv, &args) : unknown_command(table, full);
}
