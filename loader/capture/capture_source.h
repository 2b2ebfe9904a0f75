/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where captured packets come from: the rings of all lanes (maps/capture_ring.h), and the ring buffer of what the BPF
 * programs drop; in the order of their times, as far as they are there.
 */
#ifndef LOADER_CAPTURE_CAPTURE_SOURCE_H
#define LOADER_CAPTURE_CAPTURE_SOURCE_H

#include "captured.h"
#include "lib/fault.h"
#include "maps/capture_ring.h"
#include "maps/maps.h"

/* One that has been taken from its ring, and waits until it is the oldest. */
struct capture_waiting {
	bool there;
	struct capture_record record;
	uint8_t *frame; /* CAPTURED_MAX bytes; NULL: none was taken yet */
};

struct capture_source {
	struct capture_memory *memory;
	struct ring_buffer *drops;
	const struct maps *maps;
	uint64_t drops_lost; /* in all, when this began */
	struct capture_waiting lanes[LANES_MAX];
	struct capture_waiting dropped; /* of the BPF programs */
	bool nonsense;			/* a ring has had something in it that is no record */
};

/* memory: of the supervisor; stays the caller's. 0 or -errno. */
int capture_source_open(struct capture_source *s, int memory, const struct maps *maps, struct fault *f);

/* The next packet, whose frame is good until the next call. False: there is none now. */
bool capture_source_next(struct capture_source *s, struct captured *c);

/* How many packets there was no room for, by enum capture_point; those that the BPF programs dropped count as clear. */
void capture_source_missed(const struct capture_source *s, uint64_t missed[CAPTURE_POINTS]);

void capture_source_close(struct capture_source *s);

#endif
