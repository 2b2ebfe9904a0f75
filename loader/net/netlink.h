/* SPDX-License-Identifier: BSD-2-Clause */
/* One question to the kernel by netlink and its answer, in this process's network namespace. */
#ifndef LOADER_NET_NETLINK_H
#define LOADER_NET_NETLINK_H

#include <libmnl/libmnl.h>
#include <stdint.h>

/* Sends one request and hands what comes back to on_message, up to the acknowledgement, or a dump's end. 0 or -errno.
 * bus: NETLINK_XFRM ... */
int netlink_ask(int bus, struct nlmsghdr *request, mnl_cb_t on_message, void *arg);

/* The same of rtnetlink. */
int netlink_talk(struct nlmsghdr *request, mnl_cb_t on_message, void *arg);

/* The beginning of a message about an interface (0: any), in buf, which has room for its attributes. */
struct nlmsghdr *netlink_link_message(char *buf, uint16_t type, int ifindex);

#endif
