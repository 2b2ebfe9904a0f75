/* SPDX-License-Identifier: BSD-2-Clause */
/* What a jumbo NIC received in several frames, put into one piece. */
#ifndef WORKER_GATHER_H
#define WORKER_GATHER_H

#include "port.h"

/*
 * Makes n descriptors of whole packets into one descriptor a packet, whose metadata is in front of it as XDP left
 * it. Packets of one frame stay where they are; the others are copied into spans, and their frames given back. How
 * many packets are left: what does not fit is dropped and counted.
 */
__attribute__((cold)) uint32_t gather_packets(struct port_state *p, struct xdp_desc *descs, uint32_t n);

#endif
