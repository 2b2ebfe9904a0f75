/* SPDX-License-Identifier: BSD-2-Clause */
/* Interfaces and IPv4 addresses that come, go and change. */
#ifndef LOADER_NET_LINK_WATCH_H
#define LOADER_NET_LINK_WATCH_H

#include "netdev.h"
#include "netlink_watch.h"

struct link_watch {
	struct netlink_watch netlink;
	/* dev is there, new or changed, or it is gone */
	void (*on_link)(void *arg, const struct netdev *dev, bool gone);
	/* this host has got an IPv4 address, or lost it */
	void (*on_address)(void *arg, const uint8_t addr[4], bool present);
	/* all that was heard so far has been told */
	void (*on_settled)(void *arg);
	/* notifications were lost: look at every interface and address of interest again */
	void (*on_overrun)(void *arg);
	void *arg;
};

/* Listens; the functions and arg are the caller's. 0, or -errno with nothing left open. */
int link_watch_start(struct link_watch *m, struct event_base *base, struct fault *f);

/* Safe on a zeroed struct. */
void link_watch_stop(struct link_watch *m);

#endif
