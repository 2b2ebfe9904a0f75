/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets that begin to be dropped for a reason, as events: once, and again when it has been quiet for a while. Those
 * that the kernel drops at the TAPs it counts before it looks.
 */
#ifndef LOADER_DAEMON_DROP_WATCH_H
#define LOADER_DAEMON_DROP_WATCH_H

#include <event2/event.h>

#include "attach/nics.h"
#include "maps/counts.h"

struct drop_watch {
	struct nics *nics;
	const struct maps *maps;
	struct event *timer;
	bool has_seen; /* `seen` is of this run */
	struct counts_sum seen;
	uint64_t moved_ns[REASON_COUNT]; /* when it was last seen to move; 0: never */
};

/* Looks once a second. 0 or -ENOMEM. */
int drop_watch_start(struct drop_watch *w, struct event_base *base, struct nics *nics);

/* Safe on a zeroed struct. */
void drop_watch_stop(struct drop_watch *w);

/* What a look at the counters has found: tells of those that have begun. now: ns, above 0. */
void drop_watch_look(struct drop_watch *w, const struct counts_sum *sum, uint64_t now);

#endif
