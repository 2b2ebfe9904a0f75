/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One AF_XDP socket: a queue of the NIC, with its four rings and its packet memory.
 *
 * Frame ownership: xdp_queue_receive hands frames to the caller, and xdp_queue_push takes frames over. Only this file
 * moves frames between the kernel and the pool: xdp_queue_refill to the fill ring, xdp_queue_reap from the completion
 * ring.
 */
#ifndef WORKER_NIC_XDP_QUEUE_H
#define WORKER_NIC_XDP_QUEUE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "lib/fault.h"
#include "umem.h"
#include "xsk.h"

struct xdp_queue {
	struct umem umem;
	int fd;
	struct xsk_rings rings;
	uint32_t outstanding; /* descriptors that were pushed and are not completed */
	uint32_t limit;	      /* the most that may be outstanding */
	uint32_t completed;   /* descriptors completed in all, modulo 2^32 */
	uint32_t full_at;     /* `completed` as it was when the queue was found full, or to want a kick, */
	uint64_t full_since;  /* and when that was, ns */
	bool zero_copy;
	uint64_t lost; /* packets, as of the last xdp_queue_lost */
};

/* What a queue is of. */
struct xdp_queue_place {
	const char *nic; /* for people */
	uint32_t ifindex;
	uint32_t queue;
	struct umem_place memory;
	bool copy; /* without trying zero-copy */
};

/*
 * Makes the rings of an AF_XDP socket, which is the queue's from now on, over that memory, and binds it: zero-copy
 * where the driver has it, else copy. Retries while the kernel still holds the queue of a worker that just died. 0 or
 * -errno, and the socket is closed.
 */
int xdp_queue_open(struct xdp_queue *q, int fd, const struct xdp_queue_place *at, struct fault *f);

/*
 * Goes on with a socket and memory that another worker has left by xdp_queue_leave(): packets that came meanwhile are
 * in the rings. 0; -ESTALE: it has not; or -errno. On an error the socket is closed.
 */
int xdp_queue_resume(struct xdp_queue *q, int fd, const struct xdp_queue_place *at, struct fault *f);

/* The last of a queue that another worker goes on with: nothing of it is in the caller's hands any more. Then it is
 * closed, and only here, as long as somebody else holds the socket. */
void xdp_queue_leave(struct xdp_queue *q);

/*
 * Whether a zero-copy queue works, for a driver may say that it does and not move a frame: a frame of its own, to the
 * NIC's own address and of a type for experiments (IEEE 802), comes back by the completion ring, and the driver has
 * taken frames to receive into; without memory to send, the latter is enough. Waits for a second at most.
 */
bool xdp_queue_moves(struct xdp_queue *q, const uint8_t mac[6]);

/* Unbinds and closes. The memory stays the caller's. Safe on one that is closed, or has no socket: fd is -1. */
void xdp_queue_close(struct xdp_queue *q);

/*
 * Takes up to max received descriptors; their frames are the caller's from then on. A packet of a jumbo NIC may have
 * several descriptors, and only whole packets are taken, unless one packet fills the batch. Returns how many
 * descriptors.
 */
uint32_t xdp_queue_receive(struct xdp_queue *q, struct xdp_desc *descs, uint32_t max);

/* Whether the packet ends with this descriptor. */
bool xdp_queue_is_last(const struct xdp_desc *desc);

/* Gives the kernel frames of the pool to receive into, until the fill ring is full or the pool has no more than sending
 * is left. */
void xdp_queue_refill(struct xdp_queue *q);

/* One system call: where the socket has busy polling, the NIC's driver is run, and what it has received is in the ring.
 */
void xdp_queue_poll(struct xdp_queue *q);

/* Returns the frames that the kernel has sent to the pool. */
void xdp_queue_reap(struct xdp_queue *q);

/* How many descriptors may be pushed before the queue is full. */
static inline uint32_t xdp_queue_room(const struct xdp_queue *q)
{
	return q->limit - q->outstanding;
}

/* How many descriptors the longest packet takes. */
static inline uint32_t xdp_queue_room_for_one(const struct xdp_queue *q)
{
	return q->umem.jumbo ? SPAN_FRAMES : 1;
}

/*
 * Queues a packet of len bytes at addr for sending, and takes over its frame or span. The kernel sees the packet with
 * the next xdp_queue_kick. False: the ring is full, and the memory is back in the pool; that cannot be while
 * xdp_queue_room has what xdp_queue_room_for_one asks.
 */
bool xdp_queue_push(struct xdp_queue *q, uint64_t addr, uint32_t len);

/*
 * Called of a queue that has no room, or wants a kick: whether nothing of it has been sent for a second. It is useless
 * to wait then, because the NIC's queue may be gone. now: ns of a clock that all calls share.
 */
bool xdp_queue_is_stuck(struct xdp_queue *q, uint64_t now);

/* Makes pushed packets visible to the kernel, and has the kernel send them where the driver needs a system call for it.
 */
void xdp_queue_kick(struct xdp_queue *q);

/*
 * Whether packets that were kicked wait for another kick: the kernel has not taken them, because the driver's queue was
 * stopped, and does not by itself. Nobody tells when it would. A NIC that takes what is in the ring when it comes to it
 * asks for none.
 */
bool xdp_queue_wants_kick(const struct xdp_queue *q);

/* How many packets the kernel has had for this queue since the last call, and could not place: no frame was free, or
 * the RX ring was full. */
uint64_t xdp_queue_lost(struct xdp_queue *q);

/*
 * The next packet of those that were pushed since the last kick: its pieces, SPAN_FRAMES at most, and how many they
 * are; 0: that was the last. *at: 0 at first, how many descriptors have been passed.
 */
int xdp_queue_next_unkicked(const struct xdp_queue *q, uint32_t *at, struct iovec *pieces);

/* Descriptors that were pushed since the last kick. */
static inline uint32_t xdp_queue_unkicked(const struct xdp_queue *q)
{
	return q->rings.tx.cached_prod - *q->rings.tx.producer;
}

#endif
