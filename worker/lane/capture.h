/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A lane's end of a capture: packets are copied into its ring (maps/capture_ring.h) before anything is done to them,
 * and shown to the reader when it is known what became of them.
 *
 *   capture_add ──► pending ── capture_choose, drop(): its reason ──► capture_publish ──► reader
 *
 * Without a capture lane.capture is NULL, which is looked at once for each batch and where packets are dropped.
 */
#ifndef WORKER_LANE_CAPTURE_H
#define WORKER_LANE_CAPTURE_H

#include <sys/uio.h>

#include "maps/capture_ring.h"

/* Packets of a batch, and what came out of them; with more the first are shown before all is known of them. */
#define CAPTURE_PENDING 256

struct capture_pending {
	const void *key; /* by which the packet is known; NULL: nobody asks for it any more */
	uint64_t at;	 /* of its record; UINT64_MAX: there was no room */
	uint8_t point;
	uint8_t reason;
	bool unwanted;
};

struct capture {
	struct capture_ring *ring;
	struct capture_wants *wants;
	uint64_t at; /* where the next record goes: the ring's head, and behind it what is pending */
	uint32_t count;
	int chosen; /* the packet that is dropped next; -1: none */
	struct capture_pending pending[CAPTURE_PENDING];
};

/* Goes on in a ring where its head is. */
void capture_begin(struct capture *c, struct capture_wants *wants, struct capture_ring *ring);

/* Takes up a frame that is in n pieces. of: point, direction, spi, ifindex; the rest is filled in. */
void capture_add(struct capture *c, const void *key, const struct capture_record *of, const struct iovec *pieces,
		 int n);

/* The same of one that is dropped for that reason, and of which nothing is known from before. */
void capture_add_dropped(struct capture *c, const struct capture_record *of, enum reason reason,
			 const struct iovec *pieces, int n);

/* The latest packet of that key is the one that what follows drops. False: it is not pending. NULL: none is. */
bool capture_choose(struct capture *c, const void *key);

/* The chosen packet is dropped. */
void capture_drop(struct capture *c, enum reason reason);

/* The latest packet of that key will be taken up once more: it is not shown now. */
void capture_forget(struct capture *c, const void *key);

/* Shows the reader what is pending and wanted. */
void capture_publish(struct capture *c);

#endif
