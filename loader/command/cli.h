/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command line: a table of commands, each with a table of the words it takes (invocation.h), from which parsing,
 * usage lines and help come.
 */
#ifndef LOADER_COMMAND_CLI_H
#define LOADER_COMMAND_CLI_H

#include "invocation.h"

/* Runs what the command line asks for, out of the table (which ends with a NULL name). Returns the exit status. */
int cli_run(const struct command *table, int argc, char **argv);

#endif
