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
	return inv.command ? invoke(&inv, &args) : unknown_command(table, full, &args);
}
