/* SPDX-License-Identifier: BSD-2-Clause */
#include "link_watch.h"

#include <linux/rtnetlink.h>

/* IFA_LOCAL is the address itself, also on a point-to-point link. */
static int on_address_attribute(const struct nlattr *attribute, void *arg)
{
	const void **local = arg;

	if (mnl_attr_get_type(attribute) == IFA_LOCAL && mnl_attr_get_payload_len(attribute) == 4)
		*local = mnl_attr_get_payload(attribute);
	return MNL_CB_OK;
}

static int on_address_message(const struct nlmsghdr *message, struct link_watch *m)
{
	const struct ifaddrmsg *info = mnl_nlmsg_get_payload(message);
	const void *local = NULL;

	if (mnl_nlmsg_get_payload_len(message) < sizeof(*info) || info->ifa_family != AF_INET)
		return MNL_CB_OK;
	mnl_attr_parse(message, sizeof(*info), on_address_attribute, &local);
	if (local)
		m->on_address(m->arg, local, message->nlmsg_type == RTM_NEWADDR);
	return MNL_CB_OK;
}

static int on_message(const struct nlmsghdr *message, void *arg)
{
	struct link_watch *m = arg;
	struct netdev dev;

	if ((message->nlmsg_type == RTM_NEWLINK || message->nlmsg_type == RTM_DELLINK) && netdev_parse(message, &dev))
		m->on_link(m->arg, &dev, message->nlmsg_type == RTM_DELLINK);
	return MNL_CB_OK;
}

/* A bridge tells of a port that leaves it with RTM_DELLINK, too: only the family of all interfaces counts. */
static int on_any_family(const struct nlmsghdr *message, void *arg)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(message);

	if (message->nlmsg_type == RTM_NEWADDR || message->nlmsg_type == RTM_DELADDR)
		return on_address_message(message, arg);
	if (mnl_nlmsg_get_payload_len(message) < sizeof(*info) || info->ifi_family != AF_UNSPEC)
		return MNL_CB_OK;
	return on_message(message, arg);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct link_watch *m = arg;

	(void)fd;
	(void)what;
	if (netlink_watch_read(&m->netlink, on_any_family, m))
		m->on_overrun(m->arg);
	m->on_settled(m->arg);
}

int link_watch_start(struct link_watch *m, struct event_base *base, struct fault *f)
{
	return netlink_watch_start(&m->netlink, base, RTMGRP_LINK | RTMGRP_IPV4_IFADDR, "interfaces", on_readable, m,
				   f);
}

void link_watch_stop(struct link_watch *m)
{
	netlink_watch_stop(&m->netlink);
}
