/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ESP packets that come in fragments. The fragments of a datagram may come by different queues, and so by different
 * lanes; one lane puts the datagram together.
 *
 *   RX ring ──► fragments_in_take ──► reassembler of this lane ──► on_whole ──► inbound
 *                        │                       ▲
 *                        └──► another lane's handoff ──► fragments_in_take_handed, in its next turn
 */
#ifndef WORKER_IN_FRAGMENTS_IN_H
#define WORKER_IN_FRAGMENTS_IN_H

#include "lane/port.h"
#include "packet/reassembly.h"

/* Called with a datagram that is complete; its frame is p->fragments->whole. */
typedef void fragments_in_fn(struct port_queue *p, const struct reassembled *whole);

/* Of one lane and NIC, for all queues of the NIC that are the lane's. */
struct fragments_in {
	struct reassembler reassembler; /* of ESP */
	uint8_t *whole;			/* a datagram that was put together: HOST_FRAME_MAX */
	fragments_in_fn *on_whole;
};

/* Makes p->fragments. 0 or -errno; what was made of it is there for fragments_in_free() then, too. */
int fragments_in_create(struct port_queue *p, fragments_in_fn *on_whole, struct fault *f);

/* Frees a fragments_in that no queue has any more, or NULL. Datagrams that are not complete are lost. */
void fragments_in_free(struct fragments_in *fragments);

/* Takes a fragment that came by the queue p: copies it into its datagram, or to the lane that has the datagram. Where
 * that lane has no room the fragment is dropped and counted. */
__attribute__((cold)) void fragments_in_take(struct port_queue *p, const struct ip_fragment *f);

/* Takes the fragments that other lanes have handed over: a batch of each lane's, and lane->handed stays set where there
 * may be more. Returns how many. */
uint32_t fragments_in_take_handed(struct lane *l);

/* Whether a datagram may yet be completed. One whose first fragment does not come is soon none that may. */
bool fragments_in_is_half_done(const struct port_queue *p);

/* Called now and then: gives up datagrams whose fragments are not complete after REASSEMBLY_NS. */
void fragments_in_expire(struct port_queue *p);

#endif
