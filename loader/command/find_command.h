/* SPDX-License-Identifier: BSD-2-Clause */
/* Which command of the table is meant, by its name, short for it or by another word; and what was, if none is. */
#ifndef LOADER_COMMAND_FIND_COMMAND_H
#define LOADER_COMMAND_FIND_COMMAND_H

#include "arguments.h"
#include "invocation.h"

#define COMMAND_NAME_MAX 64

/* Whether some command begins with this word: "sa" for "sa add". */
bool is_group(const struct command *table, const char *name);

/* Takes one argument, or two where the first names a group ("sa", "add"), and leaves their name as it was typed in
 * full. NULL: that is none. */
const struct command *take_command(const struct command *table, struct arguments *args, char full[COMMAND_NAME_MAX]);

/* Says on stderr that there is no such command, with rest behind it, and what to type instead. Returns the exit
 * status. */
int unknown_command(const struct command *table, const char *full, const struct arguments *rest);

#endif
