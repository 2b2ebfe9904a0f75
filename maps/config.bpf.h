/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the loader writes into the programs' read-only data before it loads them for one NIC. */
#ifndef MAPS_CONFIG_BPF_H
#define MAPS_CONFIG_BPF_H

#include <linux/types.h>

enum unknown_spi {
	UNKNOWN_SPI_AUTO = 0, /* drop if the destination is a protected local address */
	UNKNOWN_SPI_DROP = 1,
	UNKNOWN_SPI_PASS = 2,
};

struct prog_config {
	__u32 port;    /* index in ports, and QUEUES_MAX entries of xsks from there */
	__u32 ifindex; /* of the NIC */
	__u32 tap_ifindex;
	__u32 mark;	   /* skb->mark of packets that came out of an SA */
	__u32 generic;	   /* generic XDP: the cleartext check belongs to the NIC's tc ingress */
	__u32 unknown_spi; /* enum unknown_spi */
	__u32 jumbo;	   /* XDP sees the first buffer of a frame that may have more (BPF_F_XDP_HAS_FRAGS) */
};

#endif
