/* SPDX-License-Identifier: BSD-2-Clause */
/* The parts of a child process's life that need no state; child.h puts them together. */
#ifndef LIB_CHILD_PROCESS_H
#define LIB_CHILD_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Where a program is, as seen from this one: beside it, as in the build directory, or in ../libexec/xdp-ipsec, as
 * installed; never by way of PATH. False: not there, and path is where it should have been installed.
 */
bool program_find(const char *name, char *path, size_t size);

/*
 * fork(), for a child that does something else than this process. No signal handler of this process ever runs in the
 * child: each signal does there what it does by default, and none is blocked. The child dies with this process
 * (SIGKILL). As fork(), with errno.
 */
pid_t child_fork(void);

/* In a child before exec: has the program inherit the descriptor. False: fd is none. */
bool child_inherits(int fd);

/* In a child before exec: opens the directory as a descriptor (O_PATH) that the program inherits, or -1. */
int child_inherits_dir(const char *path);

/* Ends a child and waits for its end: SIGTERM, after two seconds SIGKILL. what: its name, for the log. */
void child_end(const char *what, pid_t pid);

/* How many processes the kernel has killed since the machine started because there was no memory, or in their control
 * group; 0 where it does not tell. */
uint64_t child_oom_kills(void);

/* Logs that a child has ended, and how. status: waitpid()'s. starved: the kernel has killed so in its lifetime. */
void child_log_death(const char *what, pid_t pid, int status, bool starved);

#endif
