/* SPDX-License-Identifier: BSD-2-Clause */
#include "unknown_word.h"

#include <stdio.h>
#include <string.h>

#include "foreign_commands.h"
#include "lib/near_word.h"
#include "options.h"
#include "policy/parse.h"

/* What is left of a text. */
struct room {
	char *at;
	size_t size;
};

static void put(struct room *room, const char *a, const char *b, const char *c)
{
	const size_t n = (size_t)snprintf(room->at, room->size, "%s%s%s", a, b, c);

	room->at += n < room->size ? n : room->size - 1;
	room->size -= n < room->size ? n : room->size - 1;
}

/* Whether it is one of the values "A|B|C" that a word may have. */
static bool is_value_of(const struct word *w, const char *typed)
{
	const size_t n = strlen(typed);

	for (const char *v = w->value; v && *v; v += strcspn(v, "|"), v += *v == '|')
		if (strcspn(v, "|") == n && strncmp(v, typed, n) == 0)
			return true;
	return false;
}

static bool looks_like_file(const char *typed)
{
	struct prefix prefix;

	return strpbrk(typed, "./") && !parse_prefix(typed, &prefix);
}

/* The word that the value was meant for, which was left out in front of it. */
static const struct word *word_left_out(const struct command *command, const char *typed)
{
	for (const struct word *w = command->words; w && w->name; w++) {
		if (w->flags & WORD_POSITIONAL)
			continue;
		if (is_value_of(w, typed) || (w->value && strncmp(w->value, "FILE", 4) == 0 && looks_like_file(typed)))
			return w;
	}
	return NULL;
}

static struct near_word nearest(const struct command *command, const char *typed)
{
	struct near_word near = near_word_of(typed);

	for (const struct word *w = command->words; w && w->name; w++)
		if (!(w->flags & WORD_POSITIONAL))
			near_word_offer(&near, w->name);
	offer_options(&near);
	return near;
}

/* ": it has src IP, dst IP, spi N"; ": it takes none". */
static void list(const struct command *command, struct room *room)
{
	const char *separator = ": it has ";

	for (const struct word *w = command->words; w && w->name; w++) {
		if (w->flags & WORD_POSITIONAL)
			continue;
		put(room, separator, w->name, w->value ? " " : "");
		put(room, w->value ? w->value : "", "", "");
		separator = ", ";
	}
	if (*separator == ':')
		put(room, command->words ? ": it takes no more" : ": it takes none", "", "");
}

void unknown_word(const struct command *command, const char *typed, char text[UNKNOWN_WORD])
{
	const char *foreign = foreign_argument(command->name, typed);
	const struct word *left_out = word_left_out(command, typed);
	const struct near_word near = nearest(command, typed);
	struct room room = {text, UNKNOWN_WORD};
	char shown[41];

	snprintf(shown, sizeof(shown), "%s", typed);
	put(&room, "'", shown, "' is none of its words");
	if (foreign)
		put(&room, ": ", foreign, "");
	else if (left_out) {
		put(&room, ": did you mean '", left_out->name, " ");
		put(&room, shown, "'?", "");
	} else if (near.nearest)
		put(&room, ": did you mean '", near.nearest, "'?");
	else
		list(command, &room);
}
