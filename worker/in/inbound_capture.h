/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a capture is shown of packets on their way in: ESP as it was received, and what was in it. To be called only
 * where the lane has a capture. A packet is known by where it was received to; who drops it chooses it by that
 * (capture.h). What became of a turn's packets is shown at its end.
 */
#ifndef WORKER_IN_INBOUND_CAPTURE_H
#define WORKER_IN_INBOUND_CAPTURE_H

#include "item.h"
#include "lane/port.h"

static inline const void *inbound_capture_key(const struct port_queue *p, uint64_t addr)
{
	return umem_data(&p->q.umem, addr);
}

/* ESP, as it came. */
void inbound_capture_received(struct port_queue *p, const struct xdp_desc *descs, uint32_t n);

/* A datagram of fragments, put together. */
void inbound_capture_whole(struct port_queue *p, uint8_t *frame, size_t len);

/* Packets that were accepted, before they are taken out. */
void inbound_capture_opened(struct port_queue *p, const struct item *items, uint32_t n);

/* ESP that has waited in vain, for its key or for the lane. */
void inbound_capture_dropped(struct port_queue *p, const struct xdp_desc *descs, uint32_t n, enum reason why);

/* A frame of n pieces that the host did not take. */
void inbound_capture_refused(struct port_queue *p, const struct iovec *pieces, int n);

#endif
