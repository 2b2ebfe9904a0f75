/* SPDX-License-Identifier: BSD-2-Clause */
/* One attached NIC as the worker has it: queues on the wire's side, a TAP on the host's. */
#ifndef WORKER_PORT_H
#define WORKER_PORT_H

#include <stdint.h>

#include "coalesce.h"
#include "fragment.h"
#include "host.h"
#include "ip_id.h"
#include "maps/layout.h"
#include "park.h"
#include "reassembly.h"
#include "sa_cache.h"
#include "segment.h"
#include "umem.h"
#include "xdp_queue.h"

/* A frame of the host on its way out; it may take several turns when the NIC is full. */
struct outbound {
	bool busy;
	uint32_t slot;
	uint32_t generation;
	uint64_t seq; /* of the segment that is next */
	struct segmenter segmenter;
	struct host_frame frame;

	struct reassembler fragments; /* of the host's stack */
	bool oversize;		      /* segments do not fit the path: each is sealed, then cut */
	uint8_t *sealed;	      /* the one that is being cut: HOST_FRAME_MAX, HOST_TAIL */
	struct fragmenter pieces;
};

/* What came in pieces on its way in. */
struct inbound {
	struct reassembler fragments; /* of ESP */
	uint8_t *whole;		      /* HOST_FRAME_MAX */
};

struct worker;

struct port_state {
	struct worker *worker;
	uint32_t index;	     /* in ports */
	struct port *shared; /* MTU and MAC as of now */
	struct host host;
	struct umem umem;
	struct xdp_queue *queues;
	uint32_t queue_count;
	uint32_t tx_count; /* the first so many of them can send */
	struct outbound out;
	struct inbound in;
	struct coalescer coalescer;
	struct park park;
};

/* What all ports of a worker share. */
struct worker {
	struct maps maps;
	struct vault vault;
	struct sa_cache sas;
	const struct aead *aead;
	struct ip_ids ip_ids;
	uint32_t lane; /* in turns: the thread */
	uint64_t now;  /* CLOCK_BOOTTIME ns, as of this turn of the loop */
};

/* The NIC's MTU as of now, or what its packet memory was made for where it has grown beyond: the loader restarts the
 * worker. */
static inline uint32_t port_mtu(const struct port_state *p)
{
	uint32_t mtu = __atomic_load_n(&p->shared->mtu, __ATOMIC_RELAXED);

	return mtu < p->umem.mtu_max ? mtu : p->umem.mtu_max;
}

/*
 * Opens the sockets of the NIC described by ports[index], enters them in xsks, and takes over the TAP.
 * 0, or -errno with a line for people; the process is to end then.
 */
int port_open(struct port_state *p, struct worker *w, uint32_t index, int tap_fd, struct fault *f);

/* A reassembly_drop_fn for the port's two reassemblers. */
void port_drop_fragments(void *user, uint32_t slot, uint32_t generation, enum reason why, uint32_t fragments);

/* Counts one packet for status, and for its SA if there is one. */
static inline void count(struct worker *w, enum reason reason, uint64_t n)
{
	*counts_at(w->maps.worker_counts, reason) += n;
}

static inline void drop(struct worker *w, struct sa_state *sa, enum reason reason, uint64_t n)
{
	count(w, reason, n);
	/* The BPF programs count in the same place. */
	if (sa)
		__atomic_fetch_add(counts_at(&sa->drops, reason), n, __ATOMIC_RELAXED);
}

#endif
