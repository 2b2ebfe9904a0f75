/* SPDX-License-Identifier: BSD-2-Clause */
/* Help, out of the tables; each returns the exit status. */
#ifndef LOADER_COMMAND_HELP_H
#define LOADER_COMMAND_HELP_H

#include "invocation.h"

/* Of a command; of all of the table; of those whose first of two words is the group: "sa". */
int help_command(const struct command *c);
int help_all(const struct command *table);
int help_group(const struct command *table, const char *group);

#endif
