/* SPDX-License-Identifier: BSD-2-Clause */
/* Routes and rules that change, as rtnetlink tells, on a socket of its own: a router's table may flood it. */
#ifndef LOADER_NET_ROUTE_WATCH_H
#define LOADER_NET_ROUTE_WATCH_H

#include <event2/event.h>

#include "lib/fault.h"

struct mnl_socket;

struct route_watch {
	struct mnl_socket *socket;
	struct event *readable;
	struct event *later;
	/* some have changed, a moment ago */
	void (*on_change)(void *arg);
	void *arg;
};

/* Listens; the function and arg are the caller's. 0 or -errno. */
int route_watch_start(struct route_watch *m, struct event_base *base, struct fault *f);

/* Calls on_change in a moment, for what changes routes without saying so. */
void route_watch_kick(struct route_watch *m);

/* Safe on a zeroed struct. */
void route_watch_stop(struct route_watch *m);

#endif
