/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NICs come and go while the others go on: the thread that listens to the loader makes the queues of a NIC, each lane
 * takes up its own between two turns, and gives them back so when the NIC is detached.
 */
#ifndef WORKER_PORTS_H
#define WORKER_PORTS_H

#include "lane/lane.h"
#include "maps/worker_channel.h"
#include "nic/packet_file.h"
#include "lane/port.h"

/* An attached NIC. */
struct port_set {
	struct port_queue *queues; /* NULL: the NIC is not attached */
	uint32_t count;
	struct packet_file memory;
	int link; /* the program on the TAP stays while somebody holds this; -1: it stays without */
	struct fragments_in *fragments[LANES_MAX]; /* of each lane that has queues of the NIC */
};

struct ports {
	struct maps *maps;
	struct lane *lanes;
	uint32_t lane_count;
	struct port_set set[PORTS_MAX];
};

/*
 * Does what the order says, and says how it came out. The order's descriptors, in the order of worker_channel.h, are
 * taken over.
 */
void ports_obey(struct ports *ports, const struct worker_order *order, const int *fds, struct worker_answer *answer);

/* The last order, of a worker that ends, to its lanes: they give up all NICs, and count what they held of them. */
void ports_end(struct ports *ports);

/* Whether it serves any NIC. */
bool ports_any(const struct ports *ports);

#endif
