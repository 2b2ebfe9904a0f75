/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One queue of an attached NIC, which belongs to one lane: the wire on one side, a queue of the NIC's TAP on the
 * host's.
 *
 *   wire ──RX ring──► inbound ──► TAP          TAP queue ──► outbound ──TX ring──► wire
 *
 * The TAP has two queues for each TX queue, one for what is urgent and one for bulk (tap_steering in
 * bpf/datapath.bpf.c), and the host puts what an SA carries into always the same two. A NIC may have more queues to
 * receive by than to send by: the queues beyond those write to another one's TAP queue, and read from none.
 */
#ifndef WORKER_LANE_PORT_H
#define WORKER_LANE_PORT_H

#include <sys/queue.h>

#include "host/host.h"
#include "lane.h"
#include "nic/xdp_queue.h"

struct inbound;
struct outbound;
struct fragments_in;
struct lost_fragments;

struct port_queue {
	TAILQ_ENTRY(port_queue) of_lane;
	struct lane *lane;
	uint32_t index;		   /* of the NIC, in ports */
	const struct port *shared; /* MTU and MAC as of now */
	struct host host;	   /* bulk is read from it, and all is written to it */
	struct host express;	   /* what is urgent is read from it */
	struct xdp_queue q;
	bool busy_poll;			/* the socket is set up for busy polling */
	uint64_t poll_until;		/* ns of lane.now: the driver is run each turn until then; 0: never */
	struct inbound *in;		/* inbound.h */
	struct outbound *out;		/* outbound.c's alone; NULL: the queue sends nothing */
	struct outbound *out_express;	/* the same of express */
	struct fragments_in *fragments; /* fragments_in.h: of all queues of the NIC that are the lane's */
};

/* The NIC's MTU as of now, or what its packet memory was made for where it has grown beyond: the loader attaches it
 * anew. */
static inline uint32_t port_mtu(const struct port_queue *p)
{
	uint32_t mtu = __atomic_load_n(&p->shared->mtu, __ATOMIC_RELAXED);

	return mtu < p->q.umem.mtu_max ? mtu : p->q.umem.mtu_max;
}

/* A reassembly_drop_fn for the reassemblers of a queue. */
void port_drop_fragments(void *user, const struct lost_fragments *lost);

#endif
