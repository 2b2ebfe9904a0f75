/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether a worker of the instance lives, also without its supervisor: it has a lock on a file as long as it does.
 * Workers share the lock, as in an upgrade there are two.
 */
#ifndef LOADER_INSTANCE_WORKER_PLACE_H
#define LOADER_INSTANCE_WORKER_PLACE_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/fault.h"

/* What a worker is to inherit: the lock, in a descriptor. -errno: it cannot be had. */
int worker_place_take(const char *run_dir);

/* Who has inherited it. The descriptor is closed here, so that nobody but the worker has the lock. */
void worker_place_give(const char *run_dir, int place, pid_t worker);

/* The pid of a worker that lives, as its supervisor saw it; 0: none does. */
pid_t worker_place_holder(const char *run_dir);

/* Whether another worker than that one may have the lock, too: the one that was written down last, and lives. */
bool worker_place_has_other(const char *run_dir, pid_t pid);

/* Ends a worker that has outlived its supervisor, and waits until it is gone. 0; -EBUSY: it cannot be ended. */
int worker_place_clear(const char *run_dir, struct fault *f);

/* Takes the file away, if no worker lives. */
void worker_place_remove(const char *run_dir);

#endif
