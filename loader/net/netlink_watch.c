/* SPDX-License-Identifier: BSD-2-Clause */
#include "netlink_watch.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

static int fail(struct netlink_watch *w, int err, const char *what, struct fault *f)
{
	netlink_watch_stop(w);
	return fault(f, err, "netlink, %s: %s", what, strerror(err));
}

int netlink_watch_start(struct netlink_watch *w, struct event_base *base, uint32_t groups, const char *what,
			event_callback_fn on_readable, void *arg, struct fault *f)
{
	w->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!w->socket || mnl_socket_bind(w->socket, groups, MNL_SOCKET_AUTOPID) < 0)
		return fail(w, errno, what, f);
	w->readable = event_new(base, mnl_socket_get_fd(w->socket), EV_READ | EV_PERSIST, on_readable, arg);
	return w->readable && event_add(w->readable, NULL) == 0 ? 0 : fail(w, ENOMEM, what, f);
}

bool netlink_watch_read(struct netlink_watch *w, mnl_cb_t on_message, void *arg)
{
	char buf[32768];
	bool lost = false;
	ssize_t n;

	while ((n = mnl_socket_recvfrom(w->socket, buf, sizeof(buf))) > 0 || errno == ENOBUFS) {
		if (n > 0)
			mnl_cb_run(buf, (size_t)n, 0, 0, on_message, arg);
		else
			lost = true;
	}
	return lost;
}

void netlink_watch_stop(struct netlink_watch *w)
{
	if (w->readable)
		event_free(w->readable);
	if (w->socket)
		mnl_socket_close(w->socket);
	*w = (struct netlink_watch){0};
}
