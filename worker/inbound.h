/* SPDX-License-Identifier: BSD-2-Clause */
/* From the wire to the host: AF_XDP RX → (reassemble) → open → coalesce → TAP; early packets wait (park.h). */
#ifndef WORKER_INBOUND_H
#define WORKER_INBOUND_H

#include "coalesce.h"
#include "park.h"
#include "port.h"
#include "reassembly.h"

/* Of one port. */
struct inbound {
	struct coalescer coalescer;
	struct park park;
	struct reassembler fragments; /* of ESP */
	uint8_t *whole;		      /* what came in pieces, put together: HOST_FRAME_MAX */
};

/* Makes p->in: its coalescer writes to the host. Before privileges are given up. 0 or -errno. */
int inbound_init(struct port_state *p, struct fault *f);

/* Takes one batch from the queue through all passes. Returns how many descriptors the batch had; each packet of them is
 * opened, parked, kept as a fragment, or dropped and counted. */
uint32_t inbound_run(struct port_state *p, struct xdp_queue *q);

/* Called each turn: opens parked packets whose key is there now, and drops those that have waited for PARK_NS. Returns
 * how many packets that were. */
uint32_t inbound_retry(struct port_state *p);

/* Whether packets are parked. The loop then looks for their key now and then, because a key that comes wakes nobody. */
static inline bool inbound_waits_for_key(const struct port_state *p)
{
	return p->in->park.waiting;
}

/* Called now and then: gives up datagrams whose fragments are not complete after REASSEMBLY_NS. */
void inbound_expire(struct port_state *p);

/* Called at the end of a turn: hands what is coalesced to the host. With more, packets are known to be waiting, and
 * flows that began in this turn are held for them (coalesce_hold). */
void inbound_end_turn(struct port_state *p, bool more);

#endif
