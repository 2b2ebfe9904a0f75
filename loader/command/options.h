/* SPDX-License-Identifier: BSD-2-Clause */
/* The options that every command takes. */
#ifndef LOADER_COMMAND_OPTIONS_H
#define LOADER_COMMAND_OPTIONS_H

#include "arguments.h"
#include "invocation.h"
#include "lib/near_word.h"

/* By their shortest names, which completion offers and help prints; ends with a NULL name. */
extern const struct word words_of_all[];

/* What is to be done next; WRONG: nothing, and why has been said. */
enum outcome { GO_ON, HELP, VERSION, WRONG };

/* The next argument, if it is one of them. *taken tells whether it was. */
enum outcome take_global(struct invocation *inv, struct arguments *args, bool *taken);

/* Their long names, for who has misspelt one: if what was typed begins with '-'. */
void offer_options(struct near_word *near);

#endif
