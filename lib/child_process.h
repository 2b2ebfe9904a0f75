/* SPDX-License-Identifier: BSD-2-Clause */
/* What the programs that the supervisor starts have in common. */
#ifndef LIB_CHILD_PROCESS_H
#define LIB_CHILD_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * Where a program is, as seen from this one: beside it, as in the build directory, or in ../libexec/xdp-ipsec, as
 * installed; never by way of PATH. False: not there, and path is where it should have been installed.
 */
bool program_find(const char *name, char *path, size_t size);

/*
 * fork(), for a child that is to become another program. No handler of this process
 * ever runs in it: a signal that comes before it has become that program does what
 * signals do by default. It dies with this process. In the child none is blocked.
 */
pid_t child_fork(void);

/* In a child before exec: the descriptor stays open. False: it is none. */
bool child_inherits(int fd);

/* In a child before exec: the directory as a descriptor that the program inherits, or -1. */
int child_inherits_dir(const char *path);

/* Ends it and waits: SIGTERM, after two seconds SIGKILL. */
void child_end(const char *what, pid_t pid);

/* A line that it ended, and how. */
void child_log_death(const char *what, pid_t pid, int status);

#endif
