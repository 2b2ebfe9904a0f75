/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the loader writes into the BPF programs' read-only data before it loads them, the same for all NICs. What
 * differs by NIC is in the map `gates`. */
#ifndef MAPS_CONFIG_BPF_H
#define MAPS_CONFIG_BPF_H

#include <linux/types.h>

/* What becomes of ESP whose SPI no SA has. */
enum unknown_spi {
	UNKNOWN_SPI_AUTO =
		0, /* drop it if it is ours: to an address in `locals`, or of two hosts with a protect rule */
	UNKNOWN_SPI_DROP = 1,
	UNKNOWN_SPI_PASS = 2,
};

struct prog_config {
	__u32 mark;	   /* skb->mark of packets that came out of an SA */
	__u32 unknown_spi; /* enum unknown_spi */
};

#endif
