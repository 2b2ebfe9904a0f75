/* SPDX-License-Identifier: BSD-2-Clause */
/* How interfaces stand on others: VLANs on NICs, bridges on their ports. */
#ifndef LOADER_NET_NETDEV_STACK_H
#define LOADER_NET_NETDEV_STACK_H

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stddef.h>

/* How an interface stands on others. */
enum netdev_kind {
	NETDEV_OTHER,
	NETDEV_UPPER,  /* on one below: a VLAN, a macvlan, an ipvlan */
	NETDEV_MASTER, /* on its ports: a bridge, a bond, a team */
	NETDEV_VRF,    /* routing alone */
	NETDEV_TUNNEL, /* may bring frames that came inside of IP: a VXLAN, or what does not say what it is */
};

struct netdev_stack {
	int ifindex;
	int master; /* 0: none */
	int below;  /* of NETDEV_UPPER; 0: in another namespace */
	/* It may hand others on the one below what is for them, which that one's hooks never see. */
	bool has_shortcuts;
	enum netdev_kind kind;
	char info_kind[16]; /* the kernel's word: "vlan", "bond" ...; "" of hardware */
};

/* All interfaces, malloc'd, to be freed. 0 or -errno. */
int netdev_stack_dump(struct netdev_stack **out, size_t *count);

/* Whether it has an Ethernet address of its own on the one below. */
bool netdev_stack_is_macvlan(const struct netdev_stack *dev);

/* The one of that number in such a list, or NULL. */
const struct netdev_stack *netdev_stack_find(const struct netdev_stack *all, size_t count, int ifindex);

/* The same of one of them. 0 or -errno. */
int netdev_stack_get(int ifindex, struct netdev_stack *out);

/* The same of a message about it, which has the room of an ifinfomsg at least. */
void netdev_stack_parse(const struct nlmsghdr *message, struct netdev_stack *out);

#endif
