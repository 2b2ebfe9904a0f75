/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A ring of fragments from one lane to another: the fragments of a datagram may come by the queues of several lanes,
 * and one lane puts it together. One writer, one reader; each fragment is copied in, and worked on where it lies.
 */
#ifndef WORKER_LANE_HANDOFF_H
#define WORKER_LANE_HANDOFF_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Room of one ring, bytes, where each of `lanes` lanes has a ring from each other one: what a lane has together is the
 * same for any number of lanes, within the bounds. A lane that waits for a CPU while the others go on takes nothing
 * for some milliseconds, so a ring is as large as memory allows: with two lanes 1,337 fragments of an Ethernet MTU,
 * never less than 83. Less, and what a lane takes from its queue at once (64), or the largest datagram (45), may not
 * fit an empty one. A burst beyond is dropped and counted.
 */
#define HANDOFF_SIZE_MAX (2U << 20)
#define HANDOFF_SIZE_MIN (128U << 10)
uint32_t handoff_size(uint32_t lanes);

/* What goes with a fragment. */
struct handoff_item {
	uint32_t port; /* NIC, index in ports */
	uint32_t slot;
	uint32_t generation;
	uint32_t l2;  /* of the frame: length of its Ethernet header */
	uint32_t len; /* of the frame */
};

struct handoff {
	uint8_t *bytes;
	uint32_t size;				    /* of bytes; a power of two */
	uint32_t tail __attribute__((aligned(64))); /* written by the writer: bytes that were put in, ever */
	uint32_t head __attribute__((aligned(64))); /* written by the reader: bytes that were taken out, ever */
};

/* Makes the room: `size` bytes, a power of two. 0 or -ENOMEM. */
int handoff_init(struct handoff *h, uint32_t size);

/* The writer: copies the frame in. False: there is no room. */
bool handoff_put(struct handoff *h, const struct handoff_item *item, const uint8_t *frame);

/* The reader: the oldest fragment, and its frame, which stays where it is until handoff_next(). False: there is none.
 */
bool handoff_look(const struct handoff *h, struct handoff_item *item, uint8_t **frame);

/* The reader: is done with the oldest one. */
void handoff_next(struct handoff *h);

#endif
