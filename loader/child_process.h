/* SPDX-License-Identifier: BSD-2-Clause */
/* What the programs that the supervisor starts have in common. */
#ifndef LOADER_CHILD_PROCESS_H
#define LOADER_CHILD_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Where a program is: beside this one, or where it is installed; never by way of PATH. False: not there. */
bool program_find(const char *name, char *path, size_t size);

/*
 * fork(), for a child that is to become another program. No handler of this process
 * ever runs in it: a signal that comes before it has become that program does what
 * signals do by default. It dies with this process. In the child none is blocked.
 */
pid_t child_fork(void);

/* Ends it and waits: SIGTERM, after two seconds SIGKILL. */
void child_end(const char *what, pid_t pid);

/* A line that it ended, and how. */
void child_log_death(const char *what, pid_t pid, int status);

#endif
