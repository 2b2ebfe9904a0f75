/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "version.h"

#define PROGRAM		 "xdp-ipsec"
#define COMMAND_NAME_MAX 64
#define REST_MAX	 4096

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

static const struct command *find_exactly(const struct command *table, const char *name)
{
	for (const struct command *c = table; c->name; c++)
		if (is_word(name, c->name))
			return c;
	return NULL;
}

/* Whether what was typed stands for a command's name, each of whose words may be cut short. */
static bool abbreviates(const char *typed, const char *name)
{
	while (*typed) {
		const size_t n = strcspn(typed, " "), whole = strcspn(name, " ");

		if (n > whole || strncmp(typed, name, n) != 0 || !typed[n] != !name[whole])
			return false;
		typed += n + (typed[n] == ' ');
		name += whole + (name[whole] == ' ');
	}
	return true;
}

/* What opens a gate, or makes a daemon, is spelt out. */
static bool is_spelt_out(const char *name)
{
	return is_word(name, "detach") || is_word(name, "policy flush") || is_word(name, "run");
}

/* As in iproute2: the one that the words stand for, if there is but one. */
static const struct command *find_abbreviated(const struct command *table, const char *typed)
{
	const struct command *found = NULL;

	for (const struct command *c = table; c->name; c++) {
		/* One word alone may also be short for the first of two. */
		if (!abbreviates(typed, c->name) && strncmp(c->name, typed, strlen(typed)) != 0)
			continue;
		if (found || is_spelt_out(c->name) || !abbreviates(typed, c->name))
			return NULL;
		found = c;
	}
	return found;
}

/* Other words for the second of a command's: what iproute2, or its users, call it. */
static const struct {
	const char *typed;
	const char *meant;
} synonyms[] = {{"show", "list"}, {"delete", "del"}, {"remove", "del"}, {"rm", "del"}};

static const struct command *find_synonym(const struct command *table, const char *typed)
{
	const char *second = strchr(typed, ' ');
	char meant[COMMAND_NAME_MAX];

	for (size_t i = 0; second && i < sizeof(synonyms) / sizeof(synonyms[0]); i++) {
		if (!is_word(second + 1, synonyms[i].typed))
			continue;
		snprintf(meant, sizeof(meant), "%.*s %s", (int)(second - typed), typed, synonyms[i].meant);
		return find_abbreviated(table, meant);
	}
	return NULL;
}

static const struct command *find(const struct command *table, const char *name)
{
	const struct command *c = find_exactly(table, name);

	if (!c)
		c = find_synonym(table, name);
	return c ? c : find_abbreviated(table, name);
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* How many letters are to be put in, taken out or exchanged for others to make one word of the other (Levenshtein). */
static size_t distance(const char *a, const char *b)
{
	size_t row[COMMAND_NAME_MAX], n = strlen(b);

	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; *a; i++, a++) {
		size_t before = row[0];

		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			const size_t exchanged = before + (*a != b[j - 1]);

			before = row[j];
			row[j] = least(exchanged, least(row[j], row[j - 1]) + 1);
		}
	}
	return row[n];
}

/* Farther away it is another word. */
#define TYPO_MAX 2

static void keep_nearest(const char *typed, const char *name, const char **nearest, size_t *best)
{
	const size_t n = strlen(typed) < COMMAND_NAME_MAX && strlen(name) < COMMAND_NAME_MAX ? distance(typed, name)
											     : TYPO_MAX + 1;

	if (n <= TYPO_MAX && n < *best && n < strlen(typed)) {
		*best = n;
		*nearest = name;
	}
}

/* The command that was meant, perhaps; NULL: none is near. */
static const char *nearest_command(const struct command *table, const char *typed)
{
	const char *nearest = NULL;
	size_t best = TYPO_MAX + 1;

	for (const struct command *c = table; c->name; c++)
		keep_nearest(typed, c->name, &nearest, &best);
	keep_nearest(typed, "help", &nearest, &best);
	return nearest;
}

/* Whether some command's first of two words begins so, and no other command does: "pol" for "policy add". */
static bool abbreviates_group(const struct command *table, const char *typed)
{
	const char *group = NULL;

	for (const struct command *c = table; c->name; c++) {
		const size_t n = strcspn(c->name, " ");

		if (strncmp(c->name, typed, strlen(typed)) != 0)
			continue;
		if (!c->name[n] || (group && strncmp(group, c->name, n + 1) != 0))
			return false;
		group = c->name;
	}
	return group;
}

/* Takes one argument, or two where the first names a group ("sa", "add"), and leaves their name as it was typed. */
static const struct command *take_command(const struct command *table, struct arguments *args, char *full)
{
	const char *first = next_argument(args);

	snprintf(full, COMMAND_NAME_MAX, "%s", first);
	if ((is_group(table, first) || abbreviates_group(table, first)) && args->count && args->at[0][0] != '-')
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
		const char *nearest = nearest_command(table, full);

		fprintf(stderr, "no command '%s'%s%s%s (see '" PROGRAM " help')\n", full,
			nearest ? ": did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
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

static const char *nearest_word(const struct command *command, const char *typed)
{
	const char *nearest = NULL;
	size_t best = TYPO_MAX + 1;

	for (const struct word *w = command->words; w && w->name; w++)
		if (!(w->flags & WORD_POSITIONAL))
			keep_nearest(typed, w->name, &nearest, &best);
	return nearest;
}

/* All arguments from here on, with a blank between them. NULL: that is too long. */
static const char *take_rest(struct arguments *args)
{
	static char text[REST_MAX];
	size_t used = 0;

	while (args->count) {
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", used ? " " : "", args->at[0]);
		if (used >= sizeof(text))
			return NULL;
		next_argument(args);
	}
	return text;
}

static enum outcome take_word(struct invocation *inv, struct arguments *args)
{
	const char *argument = args->at[0], *value = "";
	const struct word *w = find_word(inv, argument);
	char text[128];

	if (!w) {
		const char *nearest = nearest_word(inv->command, argument);

		snprintf(text, sizeof(text), "'%.60s' is none of its words%s%.30s%s", argument,
			 nearest ? ": did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
	} else if (word(inv, w->name)) {
		snprintf(text, sizeof(text), "'%s' is given twice", w->name);
	} else {
		if (!(w->flags & WORD_POSITIONAL))
			next_argument(args);
		if (w->flags & WORD_REST)
			value = take_rest(args);
		else if (!(w->flags & WORD_ALONE))
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

	if (args->count == 0 || is_word(args->at[0], "help"))
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
