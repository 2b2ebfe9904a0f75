/* SPDX-License-Identifier: BSD-2-Clause */
/* Before packets are seen: no privileges, and only the system calls that attaching NICs and moving packets takes. */
#ifndef WORKER_SANDBOX_H
#define WORKER_SANDBOX_H

#include "lib/fault.h"

/*
 * Gives up root and every capability but the one to lock memory, for good, before there are threads; the process keeps
 * dying with its parent. 0 or -errno, and the process is to end then.
 */
int sandbox_drop_privileges(struct fault *f);

/* Gives up all other system calls, for good, in all threads. 0 or -errno, and the process is to end then. */
int sandbox_restrict_calls(struct fault *f);

#endif
