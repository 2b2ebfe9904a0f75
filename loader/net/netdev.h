/* SPDX-License-Identifier: BSD-2-Clause */
/* Network interfaces by rtnetlink and the ethtool ioctl, in this process's network namespace. */
#ifndef LOADER_NET_NETDEV_H
#define LOADER_NET_NETDEV_H

#include <libmnl/libmnl.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/fault.h"

struct netdev {
	int ifindex;
	char name[IF_NAMESIZE];
	unsigned flags; /* IFF_UP, IFF_LOOPBACK ... */
	unsigned type;	/* ARPHRD_ETHER ... */
	uint32_t mtu;
	uint8_t mac[6];
	uint32_t rx_queues; /* that the driver has room for; see netdev_queues */
	uint32_t tx_queues; /* the same; see netdev_tx_queues */
};

/* Reads an RTM_NEWLINK or RTM_DELLINK message. False if it is malformed or has no name. */
bool netdev_parse(const struct nlmsghdr *message, struct netdev *out);

/* By name. 0 or -errno, -ENODEV if there is none. */
int netdev_get(const char *name, struct netdev *out, struct fault *f);

/* Whether there is certainly no interface of that number. */
bool netdev_is_gone(int ifindex);

/* Packets that were to leave by it, and were dropped before it had them: where it is a TAP, nobody read fast enough.
 * False: the kernel does not say, or the interface is gone. */
bool netdev_tx_dropped(int ifindex, uint64_t *dropped);

/* Receive queues in use: what ethtool -l says, or the driver's room where it does not say. */
uint32_t netdev_queues(const struct netdev *dev);

/* The same of those to send. */
uint32_t netdev_tx_queues(const struct netdev *dev);

/* Sets address and MTU. 0 or -errno. */
int netdev_set(int ifindex, const uint8_t mac[6], uint32_t mtu, struct fault *f);

/* Takes an interface away, whoever holds it; there may be none any more. */
void netdev_remove(int ifindex);

/* What a TAP is given before it is used: as netdev_set, and no IPv6 address, no ARP, the queue length, and up. */
int netdev_bring_up_tap(int ifindex, const uint8_t mac[6], uint32_t mtu, uint32_t queue_length, struct fault *f);

/* Asks the NIC to leave VLAN tags in the frame, where XDP sees them. Best effort. */
void netdev_keep_vlan_tags(const char *name);

/* Whether any filter is on the interface's clsact qdisc, either way; true also if that cannot be found out. */
bool netdev_has_tc_filters(int ifindex);

/* Threaded NAPI on or off. 0 or -errno: -EIO where the driver has no NAPI. */
int netdev_threaded_napi(const char *name, bool on);

#endif
