/* SPDX-License-Identifier: BSD-2-Clause */
#include "route_watch.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

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

/* What they say does not matter, nor that some are lost: that there was any does. */
static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct route_watch *m = arg;
	char buf[32768];

	(void)fd;
	(void)what;
	while (mnl_socket_recvfrom(m->socket, buf, sizeof(buf)) > 0 || errno == ENOBUFS)
		;
	route_watch_kick(m);
}

int route_watch_start(struct route_watch *m, struct event_base *base, struct fault *f)
{
	m->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!m->socket || mnl_socket_bind(m->socket, RTMGRP_IPV4_ROUTE | RTMGRP_IPV4_RULE, MNL_SOCKET_AUTOPID) < 0) {
		int err = fault(f, errno, "netlink, routes: %s", strerror(errno));

		route_watch_stop(m);
		return err;
	}
	m->later = evtimer_new(base, on_later, m);
	m->readable = event_new(base, mnl_socket_get_fd(m->socket), EV_READ | EV_PERSIST, on_readable, m);
	if (!m->later || !m->readable || event_add(m->readable, NULL) < 0) {
		route_watch_stop(m);
		return fault(f, ENOMEM, "netlink, routes: %s", strerror(ENOMEM));
	}
	return 0;
}

void route_watch_stop(struct route_watch *m)
{
	if (m->readable)
		event_free(m->readable);
	if (m->later)
		event_free(m->later);
	if (m->socket)
		mnl_socket_close(m->socket);
	m->readable = m->later = NULL;
	m->socket = NULL;
}
