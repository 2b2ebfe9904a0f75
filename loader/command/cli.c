/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "find_command.h"
#include "help.h"
#include "version.h"
#include "words.h"

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

/* 'sa add help', where it cannot be the value of anything. */
static bool asks_for_help(const struct command *c, const struct arguments *args)
{
	for (const struct word *w = c->words; w && w->name; w++)
		if (w->flags & WORD_POSITIONAL)
			return false;
	return args->count == 1 && is_word(args->at[0], "help");
}

/* 'sa help' */
static bool asks_for_group(const struct command *table, const char *full, char group[COMMAND_NAME_MAX])
{
	const size_t first = strcspn(full, " ");

	snprintf(group, COMMAND_NAME_MAX, "%.*s", (int)first, full);
	return full[first] && is_word(full + first + 1, "help") && is_group(table, group);
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
	return is_group(table, full) ? help_group(table, full) : unknown_command(table, full, args);
}

int cli_run(const struct command *table, int argc, char **argv)
{
	struct arguments args = {argc - 1, argv + 1};
	struct invocation inv = {.instance = getenv("XDP_IPSEC_INSTANCE")};
	char full[COMMAND_NAME_MAX], group[COMMAND_NAME_MAX];
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
	if (inv.command && asks_for_help(inv.command, &args))
		return help_command(inv.command);
	if (!inv.command && asks_for_group(table, full, group))
		return help_group(table, group);
	return inv.command ? invoke(&inv, &args) : unknown_command(table, full, &args);
}
