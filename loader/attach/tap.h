/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host's side of the datapath: a TAP beside each NIC. It exists as long as
 * the supervisor and the worker hold it; without it nothing leaves.
 */
#ifndef LOADER_ATTACH_TAP_H
#define LOADER_ATTACH_TAP_H

#include <net/if.h>
#include <stdbool.h>

#include "lib/fault.h"
#include "maps/layout.h"
#include "net/netdev.h"

struct tap {
	int fds[2 * QUEUES_MAX]; /* of its queues, in pairs: for bulk, and for what is urgent */
	unsigned count;
	bool udp_segments; /* it gives and takes UDP super-packets: Linux 6.2 */
	int ifindex;
	char name[IF_NAMESIZE];
};

/*
 * Makes the TAP for a NIC: so many pairs of queues, vnet header, segmentation offloads, the NIC's address and MTU; up.
 * steering: the program that chooses the queue of what the host sends. 0 or -errno.
 */
int tap_create(struct tap *tap, const struct netdev *nic, unsigned pairs, int steering, struct fault *f);

/* The ifindex of the TAP that a descriptor is of; 0: it is of none. */
int tap_ifindex(int fd);

/*
 * Goes on with a TAP of the process before, whose descriptors are in left->fds, for such a NIC: what is in its queues
 * stays there. 0, and left is empty; -ESTALE: it is not what tap_create() would make, or -errno: left is as it was.
 */
int tap_resume(struct tap *tap, struct tap *left, const struct netdev *nic, unsigned pairs, int steering,
	       struct fault *f);

/* Opens the driver's device, from which TAPs are made: the fd, or -errno. */
int tap_open_driver(struct fault *f);

/* Closes our hold on it. Safe twice. */
void tap_close(struct tap *tap);

/* The same, and the TAP is gone, whoever else holds it. */
void tap_remove(struct tap *tap);

#endif
