/* SPDX-License-Identifier: BSD-2-Clause */
/* From the wire to the host: AF_XDP RX → (reassemble) → open → coalesce → TAP; early packets wait (park.h). */
#ifndef WORKER_INBOUND_H
#define WORKER_INBOUND_H

#include "coalesce.h"
#include "park.h"
#include "port.h"
#include "reassembly.h"

/* Of one queue: RSS keeps what can be coalesced, or has to keep its order, on one. */
struct inbound {
	struct coalescer coalescer;
	struct park park;
};

/* Of one lane and NIC: the fragments of a datagram may come by different queues. */
struct fragments_in {
	struct reassembler reassembler; /* of ESP */
	uint8_t *whole;			/* what came in pieces, put together: HOST_FRAME_MAX */
};

/* Makes p->in, whose coalescer writes to the host, and p->fragments, unless another queue's are given. 0 or -errno. */
int inbound_init(struct port_queue *p, struct fragments_in *fragments, struct fault *f);

/* Frees p->in. What is in it is lost. */
void inbound_free(struct port_queue *p);

/* Frees what no queue has any more; or NULL. */
void inbound_free_fragments(struct fragments_in *fragments);

/* Takes one batch from the queue through all passes. Returns how many descriptors the batch had; each packet of them is
 * opened, parked, kept as a fragment, or dropped and counted. */
uint32_t inbound_run(struct port_queue *p);

/* Puts together what other lanes have handed over: fragments of datagrams that are this lane's; a batch of each lane's,
 * and lane->handed stays set where there may be more. Returns how many. */
uint32_t inbound_take_handed(struct lane *l);

/* Called each turn: opens parked packets whose key is there now, and drops those that have waited for PARK_NS. Returns
 * how many packets that were. */
uint32_t inbound_retry(struct port_queue *p);

/* Whether packets are parked. The loop then looks for their key now and then, because a key that comes wakes nobody. */
static inline bool inbound_waits_for_key(const struct port_queue *p)
{
	return p->in->park.waiting;
}

/* Called now and then: gives up datagrams whose fragments are not complete after REASSEMBLY_NS. */
void inbound_expire(struct port_queue *p);

/* Called at the end of a turn: hands what is coalesced to the host. With more, packets are known to be waiting, and
 * flows that began in this turn are held for them (coalesce_hold). */
void inbound_end_turn(struct port_queue *p, bool more);

#endif
