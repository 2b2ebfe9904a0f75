/* SPDX-License-Identifier: BSD-2-Clause */
/* Other processes, as far as /proc shows them. */
#ifndef LOADER_CHECK_PROCESS_H
#define LOADER_CHECK_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

#define PROCESS_NAME 32

/* The process that has the socket with that inode, and its name; 0: it cannot be seen. */
pid_t process_of_socket(unsigned long inode, char name[PROCESS_NAME]);

/* Calls fn for each process of this network namespace, until it returns false. */
void process_for_each(bool (*fn)(pid_t pid, const char *name, void *arg), void *arg);

#endif
