/* SPDX-License-Identifier: BSD-2-Clause */
/* From the wire to the host: AF_XDP RX → (reassemble) → open → coalesce → TAP; early packets wait (park.h). */
#ifndef WORKER_INBOUND_H
#define WORKER_INBOUND_H

#include "port.h"

/* Makes the port's coalescer write to its host, and room for what comes in pieces. 0 or -errno. */
int inbound_init(struct port_state *p, struct fault *f);

/* Takes one batch from the queue through all passes. How many packets it had; all are opened, parked or dropped. */
uint32_t inbound_run(struct port_state *p, struct xdp_queue *q);

/* Opens what waits for keys that are there now, drops what has waited too long. To be called each turn. How many. */
uint32_t inbound_retry(struct port_state *p);

/* Whether packets wait for a key: nothing wakes the worker when it comes. */
static inline bool inbound_waits_for_key(const struct port_state *p)
{
	return p->park.waiting;
}

/* The end of a turn: hands what is coalesced to the host, but for what is young when more packets are known to be
 * waiting. */
void inbound_end_turn(struct port_state *p, bool more);

#endif
