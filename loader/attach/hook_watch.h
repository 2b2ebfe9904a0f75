/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hooks that others change: a clsact qdisc that somebody deletes, a link that is detached, a program that comes in
 * front of ours. What is wrong is put right at once where the kernel tells of it, within a second where it does not,
 * and said. The backstop holds meanwhile.
 */
#ifndef LOADER_ATTACH_HOOK_WATCH_H
#define LOADER_ATTACH_HOOK_WATCH_H

#include "net/netlink_watch.h"
#include "nics.h"

/* On one hook: the NIC's three, and the TAP's. */
#define WATCHED_HOOKS 4

/* What was said of one hook, so that who goes on does not fill the log. */
struct hook_tale {
	uint64_t next_ns; /* not before that again */
	uint64_t pause_ns;
	unsigned untold; /* times since */
	bool wrong;	 /* it could not be put right */
};

struct hook_watch {
	struct nics *nics;
	/* the NIC that was attached is gone, and another has its number: nobody told */
	void (*on_lost)(void *arg, struct nic *nic);
	/* it has another number of queues than are served, which nobody tells either */
	void (*on_requeued)(void *arg, struct nic *nic);
	void *arg;

	struct netlink_watch netlink; /* of qdiscs and filters */
	struct event *timer;
	unsigned looks; /* since the timer's last turn */
	struct hook_tale tales[PORTS_MAX][WATCHED_HOOKS];
};

/* Watches the NICs that are attached whenever it looks; nics, functions and arg are the caller's. 0 or -errno. */
int hook_watch_start(struct hook_watch *w, struct event_base *base, struct fault *f);

/* Safe on a zeroed struct. */
void hook_watch_stop(struct hook_watch *w);

#endif
