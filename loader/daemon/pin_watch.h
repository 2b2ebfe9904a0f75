/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is pinned and may be taken away by whoever tidies the BPF file system: maps, by which a worker or an IKE that
 * has to be started again finds them, and commands; and the backstop, which ends with its pins. Those of NICs are
 * hook_watch.h's. Or the file system itself is taken away (instance/pin_move.h). Nobody tells of it, so it is looked at
 * once a second.
 */
#ifndef LOADER_DAEMON_PIN_WATCH_H
#define LOADER_DAEMON_PIN_WATCH_H

#include <event2/event.h>

#include "guard.h"

struct pin_watch {
	struct guard *guard;
	struct event *timer;
	bool backstop; /* there was one: the kernel has such programs */
	bool told;     /* that it cannot be mended, until it is */
};

/* The guard stays the caller's. 0 or -ENOMEM. */
int pin_watch_start(struct pin_watch *w, struct event_base *base, struct guard *guard, struct fault *f);

/* Safe on a zeroed struct. */
void pin_watch_stop(struct pin_watch *w);

#endif
