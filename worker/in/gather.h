/* SPDX-License-Identifier: BSD-2-Clause */
/* Packets that a jumbo NIC received in several frames, each put into one piece, as the cipher needs it. */
#ifndef WORKER_IN_GATHER_H
#define WORKER_IN_GATHER_H

#include "lane/port.h"

/*
 * Makes the n descriptors of a batch, which are whole packets, into one descriptor a packet, in place. XDP's metadata
 * (struct rx_meta) is in front of each packet afterwards, too. A packet of one frame stays where it is; a longer one is
 * copied into a span, and its frames go back to the pool. A packet is dropped and counted when it is longer than a
 * span, or no span is free. Returns how many packets are left.
 */
__attribute__((cold)) uint32_t gather_packets(struct port_queue *p, struct xdp_desc *descs, uint32_t n);

#endif
