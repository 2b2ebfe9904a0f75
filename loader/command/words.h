/* SPDX-License-Identifier: BSD-2-Clause */
/* The words behind a command's name, read by its table. */
#ifndef LOADER_COMMAND_WORDS_H
#define LOADER_COMMAND_WORDS_H

#include "arguments.h"
#include "invocation.h"

/* Those that every command takes. */
extern const struct word words_of_all[];

/* What is to be done next; WRONG: nothing, and why has been said. */
enum outcome { GO_ON, HELP, VERSION, WRONG };

/* A word that every command takes. *taken tells whether this argument was one. */
enum outcome take_global(struct invocation *inv, struct arguments *args, bool *taken);

/* All that is left, into inv->words. */
enum outcome take_words(struct invocation *inv, struct arguments *args);

#endif
