/* SPDX-License-Identifier: BSD-2-Clause */
/* Which kinds of interfaces can be attached: those that see every packet of theirs on their own hooks and sockets. */
#ifndef LOADER_ATTACH_NIC_KIND_H
#define LOADER_ATTACH_NIC_KIND_H

#include <stdbool.h>

#include "lib/fault.h"
#include "net/netdev_stack.h"

/* Names of the interfaces to be attached instead, for a line: "eth1 and eth2". */
#define NIC_KIND_TEXT 256

/* What would keep an interface of that kind from being attached. instead: names, or "" if none are known. 0 or -EINVAL.
 */
int nic_kind_judge(const char *name, const struct netdev_stack *dev, const char *instead, struct fault *f);

/* The same of an interface that is there. */
int nic_kind_check(const char *name, int ifindex, struct fault *f);

/*
 * What was sealed on one would be protected traffic on the other, and dropped: -EBUSY with both names if one stands on
 * the other, as a bridge on its ports, a macvlan on its NIC. What cannot be found out is no reason.
 */
int nic_kind_check_apart(int ifindex, int attached, struct fault *f);

#endif
