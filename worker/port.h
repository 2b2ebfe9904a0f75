/* SPDX-License-Identifier: BSD-2-Clause */
/* One attached NIC as the worker has it: queues on the wire's side, a TAP on the host's. */
#ifndef WORKER_PORT_H
#define WORKER_PORT_H

#include "host.h"
#include "umem.h"
#include "worker.h"
#include "xdp_queue.h"

struct inbound;
struct outbound;

struct port_state {
	struct worker *worker;
	uint32_t index;	     /* in ports */
	struct port *shared; /* MTU and MAC as of now */
	struct host host;
	struct umem umem;
	struct xdp_queue *queues;
	uint32_t queue_count;
	uint32_t tx_count;    /* the first so many of them can send */
	struct inbound *in;   /* inbound.h */
	struct outbound *out; /* outbound.c's alone */
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

#endif
