/* SPDX-License-Identifier: BSD-2-Clause */
#include "find_command.h"

#include <stdio.h>
#include <string.h>

#include "foreign_commands.h"
#include "lib/near_word.h"
#include "options.h"

bool is_group(const struct command *table, const char *name)
{
	const size_t n = strlen(name);

	for (const struct command *c = table; c->name; c++)
		if (strncmp(c->name, name, n) == 0 && c->name[n] == ' ')
			return true;
	return false;
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

	/* 'up' is a habit, and no short 'upgrade'. */
	if (!strchr(typed, ' ') && foreign_command(typed))
		return NULL;
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
} synonyms[] = {{"show", "list"}, {"ls", "list"}, {"delete", "del"}, {"remove", "del"}, {"rm", "del"}};

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

/* Of two words where there are two, in typed. */
static struct near_word nearest_command(const struct command *table, const char *full, const struct arguments *rest,
					char typed[COMMAND_NAME_MAX])
{
	struct near_word near = near_word_of(typed);
	const char *second = strchr(full, ' ') || rest->count == 0 ? NULL : rest->at[0];

	snprintf(typed, COMMAND_NAME_MAX, "%s%s%s", full, second ? " " : "", second ? second : "");
	for (const struct command *c = table; second && c->name; c++)
		near_word_offer(&near, c->name);
	if (near.nearest)
		return near;
	snprintf(typed, COMMAND_NAME_MAX, "%s", full);
	for (const struct command *c = table; c->name; c++)
		near_word_offer(&near, c->name);
	near_word_offer(&near, "help");
	offer_options(&near);
	return near;
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

const struct command *take_command(const struct command *table, struct arguments *args, char full[COMMAND_NAME_MAX])
{
	const char *first = next_argument(args);

	snprintf(full, COMMAND_NAME_MAX, "%s", first);
	if ((is_group(table, first) || abbreviates_group(table, first)) && args->count && args->at[0][0] != '-')
		snprintf(full, COMMAND_NAME_MAX, "%s %s", first, next_argument(args));
	return find(table, full);
}

/* The words that go on from the first of a group's commands: "list, initiate". */
static void list_group(const struct command *table, const char *group, size_t n)
{
	const char *separator = "";

	for (const struct command *c = table; c->name; c++) {
		if (strncmp(c->name, group, n) != 0 || c->name[n] != ' ')
			continue;
		fprintf(stderr, "%s%s", separator, c->name + n + 1);
		separator = ", ";
	}
}

/* "sa add", for who has typed 'add sa'. */
static const struct command *find_turned(const struct command *table, const char *first, const struct arguments *rest)
{
	char turned[COMMAND_NAME_MAX];

	if (strchr(first, ' ') || rest->count == 0)
		return NULL;
	snprintf(turned, sizeof(turned), "%s %s", rest->at[0], first);
	return find(table, turned);
}

static void suggest(const struct command *table, const char *full, const struct arguments *rest)
{
	const struct command *turned = find_turned(table, full, rest);
	const size_t first = strcspn(full, " ");
	char typed[COMMAND_NAME_MAX], question[80], group[COMMAND_NAME_MAX];
	const struct near_word near = nearest_command(table, full, rest, typed);

	snprintf(group, sizeof(group), "%.*s", (int)first, full);
	if (turned) {
		fprintf(stderr, ": did you mean '%s'?", turned->name);
	} else if (full[first] && is_group(table, group) && !near.nearest) {
		fprintf(stderr, ": %s has ", group);
		list_group(table, group, first);
	} else if (foreign_command(full)) {
		fprintf(stderr, ": %s", foreign_command(full));
	} else {
		fputs(near_word_question(&near, question, sizeof(question)), stderr);
	}
}

int unknown_command(const struct command *table, const char *full, const struct arguments *rest)
{
	fprintf(stderr, PROGRAM ": ");
	if (is_group(table, full)) {
		fprintf(stderr, "%s what: ", full);
		list_group(table, full, strlen(full));
		fputc('?', stderr);
	} else {
		fprintf(stderr, "no %s '%s'", full[0] == '-' ? "option" : "command", full);
		suggest(table, full, rest);
	}
	fputs(" (see '" PROGRAM " help')\n", stderr);
	return EXIT_USAGE;
}
