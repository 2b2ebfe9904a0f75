/* SPDX-License-Identifier: BSD-2-Clause */
/* Which kinds of interfaces can be attached: those whose own hooks and sockets see every packet of theirs. */
#ifndef LOADER_ATTACH_NIC_KIND_H
#define LOADER_ATTACH_NIC_KIND_H

#include <stdbool.h>

#include "lib/fault.h"
#include "net/netdev_stack.h"

/* Names of the interfaces to be attached instead, for a line: "eth1 and eth2". */
#define NIC_KIND_TEXT 256

/* Whether an interface of that kind can be attached. instead: names of those to attach in its place, "" if none are
 * known. 0, or -EINVAL with why not. */
int nic_kind_judge(const char *name, const struct netdev_stack *dev, const char *instead, struct fault *f);

/* The same for an interface that is there. */
int nic_kind_check(const char *name, int ifindex, struct fault *f);

/*
 * Whether two interfaces can be attached together. 0, or -EBUSY with both names if one stands on the other, as a bridge
 * on its ports or a macvlan on its NIC: what was sealed on one would be taken for traffic in clear on the other, and
 * dropped. What cannot be found out is no reason to refuse.
 */
int nic_kind_check_apart(int ifindex, int attached, struct fault *f);

#endif
