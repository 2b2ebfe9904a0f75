/* SPDX-License-Identifier: BSD-2-Clause */
/* A command as the tables have it, what was typed of one, and what it says when it fails. */
#ifndef LOADER_COMMAND_INVOCATION_H
#define LOADER_COMMAND_INVOCATION_H

#include <stdbool.h>

#include "lib/json.h"

#define EXIT_USAGE 2
/* Of 'status': no daemon; and a gate that is open or a connection that is down. */
#define EXIT_NOT_RUNNING 3
#define EXIT_NOT_WELL	 4
/* Of 'explain', which says EXIT_NOT_WELL of a packet that is dropped. */
#define EXIT_IN_CLEAR 5

enum word_flag {
	WORD_REQUIRED = 1 << 0,
	WORD_POSITIONAL = 1 << 1, /* given without its name in front */
	WORD_ALONE = 1 << 2,	  /* has no value */
	WORD_REST = 1 << 3,	  /* positional: all that is left, as one text */
};

struct word {
	const char *name;
	const char *value; /* what stands for the value in help */
	const char *help;
	unsigned flags; /* enum word_flag */
};

struct invocation;

struct command {
	const char *name; /* "status", or two words: "sa add" */
	const char *summary;
	const struct word *words; /* ends with a NULL name; NULL: none */
	int (*run)(const struct invocation *inv);
};

/* A command line that was understood. */
struct invocation {
	const struct command *command;
	const char *instance;
	bool json;
	bool pretty;
	cJSON *words; /* an object: each word given, by name, as a string ("" for one that stands alone) */
};

/* The value of a word, or NULL if it was not given. */
static inline const char *word(const struct invocation *inv, const char *name)
{
	return json_text(inv->words, name);
}

/* One line on stderr, "xdp-ipsec COMMAND: TEXT", and the exit status that goes with it. */
int cli_fail(const struct invocation *inv, const char *text);

/* As cli_fail(), for a word whose value makes no sense: with a hint where to read on, and EXIT_USAGE. */
int cli_usage(const struct invocation *inv, const char *text);

#endif
