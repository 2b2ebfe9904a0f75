/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The packet memory of one queue, shared with the kernel, and the pool of its free frames.
 *
 *   pool ──fill ring──► kernel ──RX ring──► inbound ──► pool
 *   pool ──► outbound ──TX ring──► kernel ──completion ring──► pool
 *
 * A frame has one owner at any time, as the picture shows. Its name is the address of its first byte, counted from the
 * beginning of the area; an address further inside, as descriptors have it, names the same frame.
 *
 * A jumbo NIC's packet is longer than a frame, but has to lie in one piece to be sealed and opened. So the area of such
 * a NIC ends with spans, which are frames in a row: every packet is sent from a span, and a packet that was received in
 * several frames is copied into one (gather.h).
 *
 *   | frame | frame | ... | span: frame frame frame | span: frame frame frame | ...
 */
#ifndef WORKER_NIC_UMEM_H
#define WORKER_NIC_UMEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "maps/packet_memory.h"

/*
 * Spans that sending leaves for reception: a batch of 64 descriptors is 32 packets of two frames, and the coalescer
 * holds 8 flows of 64 KiB, in packets of 3,800 bytes at least.
 */
#define SPANS_FOR_RX (32 + 8 * 18)

/* Where a queue's frames are, and its book: in the NIC's file (packet_file.h). */
struct umem_place {
	uint8_t *area;
	struct packet_book *book;
	uint32_t ring; /* entries of each ring */
	uint32_t mtu;  /* PORT_MTU_MAX at most */
};

struct span {
	uint8_t descriptors; /* that point into the span and are not given back yet; 0: the span is free */
};

struct umem {
	uint8_t *area;
	size_t size;
	struct packet_book *book; /* the arrays below are in it */
	uint32_t frame_size;
	uint32_t mtu_max;      /* the largest MTU whose packets fit */
	uint64_t *free_frames; /* last in, first out: the warmest is used next */
	uint32_t free_count;
	bool jumbo;
	uint64_t spans_at; /* address of the first; the size where there are none */
	struct span *spans;
	uint32_t *free_spans;
	uint32_t free_span_count;
};

/* Begins with memory that nobody uses: all of it is free. The place stays the caller's. */
void umem_create(struct umem *u, const struct umem_place *place);

/*
 * Begins with what umem_leave() has written there, and sets *outstanding. False: nothing of that kind is there, or it
 * is of another size.
 */
bool umem_resume(struct umem *u, const struct umem_place *place, uint32_t *outstanding);

/* For who begins with umem_resume(): the frames that are not in the pool now are all the kernel's. */
void umem_leave(const struct umem *u, uint32_t outstanding);

/* Takes a frame from the pool. Returns its address, or UINT64_MAX when the pool is empty. */
static inline uint64_t umem_take(struct umem *u)
{
	return u->free_count ? u->free_frames[--u->free_count] : UINT64_MAX;
}

/* Takes a span from the pool, for one descriptor. Returns its address, or UINT64_MAX when no more than `spare` are
 * free. */
__attribute__((cold)) uint64_t umem_take_span(struct umem *u, uint32_t spare);

/* Says how many descriptors (1 ... SPAN_FRAMES) point into a span: the span is free when each has been given back. */
void umem_split_span(struct umem *u, uint64_t addr, uint32_t descriptors);

/* Takes memory for a packet to be sent, with room for u->mtu_max and Ethernet with two tags: a frame, or of a jumbo NIC
 * a span. Returns its address, or UINT64_MAX when there is none to spare. */
static inline uint64_t umem_take_to_send(struct umem *u)
{
	return u->jumbo ? umem_take_span(u, SPANS_FOR_RX) : umem_take(u);
}

/* How often umem_take_to_send would have memory. */
static inline uint32_t umem_left_to_send(const struct umem *u)
{
	if (!u->jumbo)
		return u->free_count;
	return u->free_span_count > SPANS_FOR_RX ? u->free_span_count - SPANS_FOR_RX : 0;
}

/* Gives back one descriptor that points into a span; umem_give calls it. */
__attribute__((cold)) void umem_give_span(struct umem *u, uint64_t addr);

/* Gives back the frame that addr points into, or one descriptor of the span that it points into. */
static inline void umem_give(struct umem *u, uint64_t addr)
{
	if (addr >= u->spans_at) {
		umem_give_span(u, addr);
		return;
	}
	u->free_frames[u->free_count++] = addr & ~(uint64_t)(u->frame_size - 1);
}

/* Spans in all. */
static inline uint32_t umem_spans(const struct umem *u)
{
	return (uint32_t)((u->size - u->spans_at) / SPAN_SIZE);
}

/* The memory behind an address. */
static inline uint8_t *umem_data(const struct umem *u, uint64_t addr)
{
	return u->area + addr;
}

#endif
