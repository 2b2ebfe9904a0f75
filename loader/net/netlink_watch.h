/* SPDX-License-Identifier: BSD-2-Clause */
/* What rtnetlink tells of changes in this network namespace, on a socket of its own: one flood drowns no other watch.
 */
#ifndef LOADER_NET_NETLINK_WATCH_H
#define LOADER_NET_NETLINK_WATCH_H

#include <event2/event.h>
#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/fault.h"

struct netlink_watch {
	struct mnl_socket *socket;
	struct event *readable;
};

/*
 * Listens to these groups (RTMGRP_*), and has on_readable called with arg when there is something to read; what: of
 * which changes, for people. 0, or -errno with nothing left open.
 */
int netlink_watch_start(struct netlink_watch *w, struct event_base *base, uint32_t groups, const char *what,
			event_callback_fn on_readable, void *arg, struct fault *f);

/* Hands every message that waits to on_message, and returns whether the kernel has thrown away some that did not fit
 * the socket's buffer. */
bool netlink_watch_read(struct netlink_watch *w, mnl_cb_t on_message, void *arg);

/* Safe on a zeroed struct. */
void netlink_watch_stop(struct netlink_watch *w);

#endif
