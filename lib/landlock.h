/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a process may not even ask for, whatever system calls it has left (Landlock, Linux 5.13): beside seccomp, users
 * and an empty root a wall of its own, which looks at what a call is about and not at its number. What is open already
 * stays so, and nobody who was outside is kept from anything.
 *
 * Where the kernel has none of it, or not as much, both do what there is, and succeed.
 */
#ifndef LIB_LANDLOCK_H
#define LIB_LANDLOCK_H

#include "fault.h"

/* How much of it this kernel has: a number that grows (landlock(7)), 0 for none. */
int landlock_abi(void);

/*
 * From here on this thread, and what it starts, connects and binds no TCP socket (ABI 4), and sends no signal to, and
 * connects to no abstract socket of, who is not among them (ABI 6). Processes that are to end with one another are
 * forked behind this: else the kernel would keep the signal of a parent's death from them. No process gets more
 * privileges by exec any more. 0 or -errno.
 */
int landlock_leave_others(struct fault *f);

/* And opens, makes, runs, renames and removes no file, mounts nothing, and traces nobody outside. 0 or -errno. */
int landlock_leave_files(struct fault *f);

#endif
