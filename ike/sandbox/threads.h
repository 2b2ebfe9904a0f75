/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads of a process in a sandbox: made before its last door closes, since to begin takes system calls of its own. */
#ifndef IKE_SANDBOX_THREADS_H
#define IKE_SANDBOX_THREADS_H

#include "lib/fault.h"

/* As many as there may be; more do not get more done (docs/performance.md). */
#define THREADS_MAX 8

/* How many get something done at once: one for each CPU that this process may have. */
unsigned threads_useful(void);

/* From here on the calling thread gives way to others. Those of threads_start() do. */
void threads_give_way(void);

/* Starts so many, each with work(arg), and returns when all of them run; once in the life of a process. Where work()
 * returns, the process ends. 0 or -errno; after an error the process has to end. */
int threads_start(unsigned count, void (*work)(void *arg), void *arg, struct fault *f);

/* Ends the process, with all of its threads. That it does not return the compiler is not told, since the address
 * sanitizer would do more before than a sandbox allows. */
void threads_end(int status);

#endif
