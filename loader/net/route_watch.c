/* SPDX-License-Identifier: BSD-2-Clause */
#include "route_watch.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>

/* Changes come in crowds, and each look at them costs a question per connection. */
#define CROWD_US 200000

void route_watch_kick(struct route_watch *m)
{
	const struct timeval crowd = {.tv_usec = CROWD_US};

	if (m->later && !evtimer_pending(m->later, NULL))
		evtimer_add(m->later, &crowd);
}

static void on_later(evutil_socket_t fd, short what, void *arg)
{
	struct route_watch *m = arg;

	(void)fd;
	(void)what;
	m->on_change(m->arg);
}

static int on_message(const struct nlmsghdr *message, void *arg)
{
	(void)message;
	(void)arg;
	return MNL_CB_OK;
}

/* What the messages say does not matter, nor that some are lost: that there was any does. */
static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct route_watch *m = arg;

	(void)fd;
	(void)what;
	netlink_watch_read(&m->netlink, on_message, NULL);
	route_watch_kick(m);
}

int route_watch_start(struct route_watch *m, struct event_base *base, struct fault *f)
{
	int err;

	m->later = evtimer_new(base, on_later, m);
	if (!m->later)
		return fault(f, ENOMEM, "routes: %s", strerror(ENOMEM));
	err = netlink_watch_start(&m->netlink, base, RTMGRP_IPV4_ROUTE | RTMGRP_IPV4_RULE, "routes", on_readable, m, f);
	if (err)
		route_watch_stop(m);
	return err;
}

void route_watch_stop(struct route_watch *m)
{
	netlink_watch_stop(&m->netlink);
	if (m->later)
		event_free(m->later);
	m->later = NULL;
}
