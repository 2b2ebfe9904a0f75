/* SPDX-License-Identifier: BSD-2-Clause */
/* The capture of all lanes: begins and ends when the loader says so, between two turns of each lane. */
#ifndef WORKER_CAPTURES_H
#define WORKER_CAPTURES_H

#include "lane/lane.h"
#include "maps/worker_channel.h"

struct captures {
	struct lane *lanes;
	uint32_t lane_count;
	struct capture_memory *memory; /* NULL: nothing is captured */
	struct capture *captures;      /* one for each lane */
};

/*
 * Captures into the memory of that descriptor from now on, or with -1 not any more, and says how that came out. The
 * descriptor is taken over.
 */
void captures_obey(struct captures *c, int fd, struct worker_answer *answer);

#endif
