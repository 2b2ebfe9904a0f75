/* SPDX-License-Identifier: BSD-2-Clause */
/* Routes and rules that change, which may be a router's whole table at once. */
#ifndef LOADER_NET_ROUTE_WATCH_H
#define LOADER_NET_ROUTE_WATCH_H

#include "netlink_watch.h"

struct route_watch {
	struct netlink_watch netlink;
	struct event *later;
	/* routes or rules have changed, a moment ago */
	void (*on_change)(void *arg);
	void *arg;
};

/* Listens; the function and arg are the caller's. 0, or -errno with nothing left open. */
int route_watch_start(struct route_watch *m, struct event_base *base, struct fault *f);

/* Has on_change called in a moment, for a caller who knows of a change of routes that rtnetlink does not tell. */
void route_watch_kick(struct route_watch *m);

/* Safe on a zeroed struct. */
void route_watch_stop(struct route_watch *m);

#endif
