/* SPDX-License-Identifier: BSD-2-Clause */
#include "words.h"

#include <stdio.h>

#include "unknown_word.h"

#define REST_MAX 4096

static const struct word *find_word(const struct invocation *inv, const char *argument)
{
	for (const struct word *w = inv->command->words; w && w->name; w++)
		if (!(w->flags & WORD_POSITIONAL) && is_word(argument, w->name))
			return w;
	for (const struct word *w = inv->command->words; w && w->name; w++)
		if (w->flags & WORD_POSITIONAL && (argument[0] != '-' || !argument[1]) && !word(inv, w->name))
			return w;
	return NULL;
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
	char text[UNKNOWN_WORD];

	if (!w) {
		unknown_word(inv->command, argument, text);
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

enum outcome take_words(struct invocation *inv, struct arguments *args)
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
