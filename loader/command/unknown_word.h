/* SPDX-License-Identifier: BSD-2-Clause */
/* A word behind a command that is none of its own: what was meant. */
#ifndef LOADER_COMMAND_UNKNOWN_WORD_H
#define LOADER_COMMAND_UNKNOWN_WORD_H

#include "invocation.h"

#define UNKNOWN_WORD 400

/* The line that says so, and what to type instead, or which words there are. */
void unknown_word(const struct command *command, const char *typed, char text[UNKNOWN_WORD]);

#endif
