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

/* Takes one batch from the queue through all passes. How many packets it had; all are opened, parked or dropped. */
uint32_t inbound_run(struct port_state *p, struct xdp_queue *q);

/* Opens what waits for keys that are there now, drops what has waited too long. To be called each turn. How many. */
uint32_t inbound_retry(struct port_state *p);

/* Whether packets wait for a key: nothing wakes the worker when it comes. */
static inline bool inbound_waits_for_key(const struct port_state *p)
{
	return p->in->park.waiting;
}

/* Gives up what will not be complete. To be called now and then. */
void inbound_expire(struct port_state *p);

/* The end of a turn: hands what is coalesced to the host, but for what is young when more packets are known to be
 * waiting. */
void inbound_end_turn(struct port_state *p, bool more);

#endif
