/* SPDX-License-Identifier: BSD-2-Clause */
#include "options.h"

#include <stdio.h>

enum option { INSTANCE, JSON, PRETTY, HELP_ME, MY_VERSION, OPTION_COUNT };

const struct word words_of_all[] = {
	[INSTANCE] = {"--instance", "NAME", "which host of several on one machine (or XDP_IPSEC_INSTANCE; 'default')", 0},
	[JSON] = {"-j", NULL, "JSON", WORD_ALONE},
	[PRETTY] = {"-p", NULL, "pretty JSON", WORD_ALONE},
	[HELP_ME] = {"-h", NULL, "this help; --help and 'help' do the same", WORD_ALONE},
	[MY_VERSION] = {"-V", NULL, "the version", WORD_ALONE},
	[OPTION_COUNT] = {0},
};

static const char *const long_names[] = {
	[INSTANCE] = "--instance", [JSON] = "--json", [PRETTY] = "--pretty", [HELP_ME] = "--help", [MY_VERSION] = "--version",
};

void offer_options(struct near_word *near)
{
	for (enum option o = 0; near->typed[0] == '-' && o < OPTION_COUNT; o++)
		near_word_offer(near, long_names[o]);
}

static enum option option_of(const char *argument)
{
	enum option o = 0;

	while (o < OPTION_COUNT && !is_word(argument, words_of_all[o].name) && !is_word(argument, long_names[o]))
		o++;
	return o;
}

static enum outcome take_instance(struct invocation *inv, struct arguments *args)
{
	if (args->count < 2) {
		fprintf(stderr, PROGRAM ": --instance needs a NAME (see '" PROGRAM " help')\n");
		return WRONG;
	}
	next_argument(args);
	inv->instance = args->at[0];
	next_argument(args);
	return GO_ON;
}

enum outcome take_global(struct invocation *inv, struct arguments *args, bool *taken)
{
	const enum option option = option_of(args->at[0]);

	*taken = option != OPTION_COUNT;
	if (option == INSTANCE)
		return take_instance(inv, args);
	if (option == HELP_ME || option == MY_VERSION)
		return option == HELP_ME ? HELP : VERSION;
	if (!*taken)
		return GO_ON;
	inv->json = true;
	inv->pretty |= option == PRETTY;
	next_argument(args);
	return GO_ON;
}
