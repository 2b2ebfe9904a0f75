/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One AF_XDP socket: a queue of the NIC, with its four rings.
 *
 * Frame ownership: xdp_queue_receive hands frames to the caller, xdp_queue_push
 * takes them; the fill ring is topped up from the pool and the completion ring
 * drained into it here and nowhere else.
 */
#ifndef WORKER_XDP_QUEUE_H
#define WORKER_XDP_QUEUE_H

#include <stdbool.h>
#include <stdint.h>
#include <xdp/xsk.h>

#include "lib/fault.h"
#include "umem.h"

struct xdp_queue {
	struct umem *umem;
	struct xsk_socket *socket;
	int fd;
	struct xsk_ring_cons rx;
	struct xsk_ring_prod tx;
	struct xsk_ring_prod *fill; /* of queue 0: the UMEM's own pair, which libxdp made with it */
	struct xsk_ring_cons *comp;
	struct xsk_ring_prod own_fill;
	struct xsk_ring_cons own_comp;
	uint32_t outstanding; /* pushed and not yet completed */
	uint32_t limit;	      /* of outstanding */
	uint32_t completed;   /* in all, modulo 2^32 */
	uint32_t full_at;     /* completed, when it was first found full, */
	uint64_t full_since;  /* and when that was */
	bool zero_copy;
	uint64_t lost; /* as of the last xdp_queue_lost */
};

/*
 * Binds queue `index` of the NIC: zero-copy where the driver has it, else copy.
 * Retries while the kernel still holds the queue of a worker that just died.
 * 0 or -errno.
 */
int xdp_queue_open(struct xdp_queue *q, struct umem *u, const char *nic, uint32_t index, bool generic, struct fault *f);

/*
 * Takes up to max received descriptors; their frames are the caller's from then on. On a jumbo NIC a packet may have
 * several: whole packets are taken.
 */
uint32_t xdp_queue_receive(struct xdp_queue *q, struct xdp_desc *descs, uint32_t max);

/* Whether the packet ends with this descriptor. */
bool xdp_queue_is_last(const struct xdp_desc *desc);

/* Gives the kernel free frames to receive into. */
void xdp_queue_refill(struct xdp_queue *q);

/* Returns sent frames to the pool. */
void xdp_queue_reap(struct xdp_queue *q);

/* How many descriptors may be pushed now. */
static inline uint32_t xdp_queue_room(const struct xdp_queue *q)
{
	return q->limit - q->outstanding;
}

/* What the longest packet needs of that room. */
static inline uint32_t xdp_queue_room_for_one(const struct xdp_queue *q)
{
	return q->umem->jumbo ? SPAN_FRAMES : 1;
}

/*
 * Queues one frame or span for sending, and takes it over; nothing is visible to the kernel
 * before xdp_queue_kick. False, with the memory back in the pool, if the ring is
 * full, which it cannot be when xdp_queue_room said otherwise.
 */
bool xdp_queue_push(struct xdp_queue *q, uint64_t addr, uint32_t len);

/*
 * Of a queue that has no room: whether nothing of it has been sent for a second. Who waits for it then waits for
 * nothing: the NIC's queue may be gone. now: ns of any clock, of each call.
 */
bool xdp_queue_is_stuck(struct xdp_queue *q, uint64_t now);

/* Makes pushed frames visible, and makes the kernel send if it has to be told. */
void xdp_queue_kick(struct xdp_queue *q);

/* Packets that the kernel had for this queue since the last call and could not place: no free frame, or the RX ring
 * full. */
uint64_t xdp_queue_lost(struct xdp_queue *q);

/* Frames pushed since the last kick. */
static inline uint32_t xdp_queue_unkicked(const struct xdp_queue *q)
{
	return q->tx.cached_prod - *q->tx.producer;
}

#endif
