/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Watches the hooks of attached NICs, because others can change them: delete a clsact qdisc, detach a link, put a
 * program in front of ours. What is wrong is put right at once where the kernel tells of the change, and within a
 * second where it does not; and it is logged. Meanwhile the backstop guards the NIC.
 */
#ifndef LOADER_ATTACH_HOOK_WATCH_H
#define LOADER_ATTACH_HOOK_WATCH_H

#include "net/netlink_watch.h"
#include "nics.h"

/* Hooks of a NIC: its own three, and its TAP's. */
#define WATCHED_HOOKS 4

/* What was logged of one hook, so that who changes it again and again does not fill the log. */
struct hook_tale {
	uint64_t next_ns;  /* when the next line may be written, clock_now() */
	uint64_t pause_ns; /* between two lines */
	unsigned untold;   /* changes since the last line */
	bool wrong;	   /* the hook could not be put right */
};

struct hook_watch {
	struct nics *nics;
	/* The NIC that was attached is gone, and another has its number. The kernel does not tell of that. */
	void (*on_lost)(void *arg, struct nic *nic);
	/* The NIC has another number of queues than are served. The kernel does not tell of that either. */
	void (*on_requeued)(void *arg, struct nic *nic);
	void *arg;

	struct netlink_watch netlink; /* of qdiscs and filters */
	struct event *timer;
	unsigned looks; /* at all hooks, since the timer's last turn */
	struct hook_tale tales[PORTS_MAX][WATCHED_HOOKS];
};

/* Watches whichever NICs of `nics` are attached at the time. nics, functions and arg are the caller's. 0 or -errno. */
int hook_watch_start(struct hook_watch *w, struct event_base *base, struct fault *f);

/* Safe on a zeroed struct. */
void hook_watch_stop(struct hook_watch *w);

#endif
