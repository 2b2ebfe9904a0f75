/* SPDX-License-Identifier: BSD-2-Clause */
/* From the wire to the host: AF_XDP RX → (reassemble) → open → coalesce → TAP; early packets wait (park.h). */
#ifndef WORKER_IN_INBOUND_H
#define WORKER_IN_INBOUND_H

#include "coalesce.h"
#include "park.h"
#include "lane/port.h"

/* Of one queue: RSS keeps what can be coalesced, or has to keep its order, on one. */
struct inbound {
	struct coalescer coalescer;
	struct park park;
};

/* Makes p->in, whose coalescer writes to the host, and p->fragments, unless another queue's are given; those are
 * p->fragments on an error, too. 0 or -errno. */
int inbound_init(struct port_queue *p, struct fragments_in *fragments, struct fault *f);

/* Before the queue is the lane's no more, in a turn: what is held for the host is handed over, what waits for its key
 * or for other fragments is dropped, and counted. */
void inbound_give_up(struct port_queue *p);

/* The same of what it has received and no lane has looked at, where nobody goes on with its rings. */
void inbound_refuse(struct port_queue *p);

/* Frees p->in, whose packets have been given up. */
void inbound_free(struct port_queue *p);

/* Takes one batch from the queue through all passes. Returns how many descriptors the batch had; each packet of them is
 * opened, parked, kept as a fragment, or dropped and counted. */
uint32_t inbound_run(struct port_queue *p);

/* Called each turn: opens parked packets whose key is there now, and drops those that have waited for PARK_NS. Returns
 * how many packets that were. */
uint32_t inbound_retry(struct port_queue *p);

/* Whether packets are parked. The loop then looks for their key now and then, because a key that comes wakes nobody. */
static inline bool inbound_waits_for_key(const struct port_queue *p)
{
	return p->in->park.waiting;
}

/* Called at the end of a turn: hands what is coalesced to the host. With more, packets are known to be waiting, and
 * flows that began in this turn are held for them (coalesce_hold). */
void inbound_end_turn(struct port_queue *p, bool more);

#endif
