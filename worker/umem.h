/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The packet memory of one NIC, shared with the kernel, and the pool of its free frames.
 *
 *   pool ──fill ring──► kernel ──RX ring──► inbound ──► pool
 *   pool ──► outbound ──TX ring──► kernel ──completion ring──► pool
 *
 * A frame has one owner at any time. It is named by the address of its first
 * byte in the area; descriptors may point further in (headroom).
 */
#ifndef WORKER_UMEM_H
#define WORKER_UMEM_H

#include <stddef.h>
#include <stdint.h>
#include <xdp/xsk.h>

#include "fault.h"

/*
 * All rings. 1024 overflow when the scheduler keeps the worker away for a few
 * hundred microseconds at 64-byte line rate; 4096 brought nothing but cache misses.
 */
#define RING_SIZE 2048
/*
 * Frames per queue: the fill and the TX ring full, and what is in hand (a batch
 * being opened, packets being coalesced). With fewer the pool runs dry and
 * reception stalls until transmission completes.
 */
#define FRAMES_PER_QUEUE (2 * RING_SIZE + 512)

struct umem {
	uint8_t *area;
	size_t size;
	uint32_t frame_size;
	struct xsk_umem *handle;
	uint64_t *free_frames; /* last in, first out: the warmest is used next */
	uint32_t free_count;
	/* The rings of the first queue, which libxdp makes together with the UMEM. */
	struct xsk_ring_prod first_fill;
	struct xsk_ring_cons first_comp;
};

/* Makes the memory for a NIC of this many queues and this MTU, at most PORT_MTU_MAX. 0 or -errno. */
int umem_create(struct umem *u, uint32_t queues, uint32_t mtu, struct fault *f);

/* Takes a free frame: its address, or UINT64_MAX when there is none. */
static inline uint64_t umem_take(struct umem *u)
{
	return u->free_count ? u->free_frames[--u->free_count] : UINT64_MAX;
}

/* Gives back the frame that addr points into. */
static inline void umem_give(struct umem *u, uint64_t addr)
{
	u->free_frames[u->free_count++] = addr & ~(uint64_t)(u->frame_size - 1);
}

static inline uint8_t *umem_data(const struct umem *u, uint64_t addr)
{
	return u->area + addr;
}

#endif
