/* SPDX-License-Identifier: BSD-2-Clause */
/* What the programs that the supervisor starts have in common. */
#ifndef LOADER_CHILD_PROCESS_H
#define LOADER_CHILD_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Where a program is: beside this one, or where it is installed; never by way of PATH. False: not there. */
bool program_find(const char *name, char *path, size_t size);

/* Ends it and waits: SIGTERM, after two seconds SIGKILL. */
void child_end(const char *what, pid_t pid);

/* A line that it ended, and how. */
void child_log_death(const char *what, pid_t pid, int status);

#endif
