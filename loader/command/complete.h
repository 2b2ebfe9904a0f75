/* SPDX-License-Identifier: BSD-2-Clause */
/* What may come next on a command line, for the shells (packaging/completion/): by the tables, so always all there is.
 */
#ifndef LOADER_COMMAND_COMPLETE_H
#define LOADER_COMMAND_COMPLETE_H

#include "invocation.h"

/*
 * Of 'help complete WORD...' prints what the last WORD, which may be empty, can become behind those before it: a
 * candidate a line, behind a tab what it is; ":files" says that a file is wanted. False: this is no such question.
 */
bool complete_asked(const struct command *table, int argc, char **argv);

#endif
