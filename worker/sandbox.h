/* SPDX-License-Identifier: BSD-2-Clause */
/* After the sockets are open: no privileges, and only the system calls that moving packets takes. */
#ifndef WORKER_SANDBOX_H
#define WORKER_SANDBOX_H

#include "lib/fault.h"

/*
 * Gives up root, every capability and all other system calls, for good; the
 * process keeps dying with its parent. 0 or -errno, and the process is to end then.
 */
int sandbox_enter(struct fault *f);

#endif
