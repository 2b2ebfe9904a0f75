/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the loader and the worker say to each other, over a SOCK_SEQPACKET: an order with descriptors, and its answer.
 *
 *   loader ──ATTACH, sockets, TAP queues, memory──► worker    the worker binds the sockets to the NIC's queues
 *          ◄──────────────────── answer──
 *          ──DETACH──────────────────────►                and closes them
 *          ◄──────────────────── answer──
 *          ──CAPTURE, memory─────────────►                packets are captured there (capture_ring.h); without memory
 *          ◄──────────────────── answer──                 nowhere any more
 *          ──PULSE───────────────────────►                and has each lane take a turn
 *          ◄──────────────────── answer──
 *          ──LEAVE───────────────────────►                and leaves all NICs as they are to another worker, and ends
 *          ◄──────────────────── answer──
 *
 * Orders are answered one by one, in their order.
 */
#ifndef MAPS_WORKER_CHANNEL_H
#define MAPS_WORKER_CHANNEL_H

#include "layout.h"

enum worker_order_kind {
	WORKER_ATTACH = 1,
	WORKER_DETACH = 2,
	WORKER_CAPTURE = 3,
	WORKER_LEAVE = 4,
	WORKER_PULSE = 5,
};

/* The rest of what the worker needs to know of a NIC is in ports. */
struct worker_order {
	__u32 kind;	    /* enum worker_order_kind */
	__u32 port;	    /* index in ports */
	__u32 queues;	    /* ATTACH: AF_XDP sockets that go with it, of queue 0 and on; QUEUES_MAX at most */
	__u32 tap_queues;   /* ATTACH: pairs of TAP queues that follow them, of TX queue 0 and on; as many at most. A
			       pair is for bulk and for what is urgent */
	__u32 udp_segments; /* ATTACH: the TAP gives and takes UDP super-packets */
	__u32 running; /* ATTACH: the NIC has a link, so that zero-copy can be tried. EOPNOTSUPP: it did not work */
	__u32 copy;    /* ATTACH: without zero-copy */
	__u32 resume;  /* ATTACH: sockets and memory are as a worker has left them. ESTALE: they are not */
	__u32 links;   /* ATTACH: 1: the last descriptor is one to be held open as long as the TAP's, and no more */
};

/* What a lane's thread is called, and its number. */
#define LANE_THREAD "lane "

/* The descriptors of an ATTACH: a socket for each queue, the TAP queues, the file with the packet memory. */
static inline __u32 worker_fds(const struct worker_order *order)
{
	return order->queues + 2 * order->tap_queues + 1 + order->links;
}

/* The most of them. Linux takes 253. */
#define WORKER_FDS_MAX (3 * QUEUES_MAX + 2)

struct worker_answer {
	__u32 kind; /* of the order */
	__u32 port;
	__s32 error;	 /* 0, or errno */
	__u32 zero_copy; /* ATTACH: all its sockets have it */
	char text[200];	 /* for people: why not */
};

/* Sends an order with n descriptors. 0 or -errno. */
int worker_order_send(int channel, const struct worker_order *order, const int *fds, __u32 n);

/*
 * Waits for the next order; fds (WORKER_FDS_MAX) gets its descriptors, which are the caller's to close, *n how many.
 * 0; -EBADMSG if it is not one, or not with the descriptors that it speaks of: then there are none; -ECONNRESET at the
 * end; -EINTR.
 */
int worker_order_receive(int channel, struct worker_order *order, int *fds, __u32 *n);

/* 0 or -errno. */
int worker_answer_send(int channel, const struct worker_answer *answer);

/* Answers are taken so many at a time, the others in the loop's next round: a worker that is not what it should be
 * sends them without end. More than one owes that answers what it is asked. */
#define WORKER_ANSWERS_MAX 64

/* The answer that is there. 0; -EAGAIN: none is; -EBADMSG; -ECONNRESET at the end. */
int worker_answer_receive(int channel, struct worker_answer *answer);

#endif
