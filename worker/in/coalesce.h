/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Receive coalescing: consecutive TCP segments, or UDP datagrams of one size, that belong to one flow become one
 * super-packet for the host, as the kernel's GRO makes them.
 *
 *   packets ──coalesce_add──► flow: first packet, payload, payload ... ──sink.write──► host, sink.release──► pool
 *
 * A flow keeps its order: a packet that cannot be merged is written at once, but behind what its flow holds already.
 * Only packets whose own checksum is right are merged, because a super-packet tells the host that no checksum in it
 * needs a look. A packet with a wrong checksum is written alone and unchanged, and the host rejects it.
 */
#ifndef WORKER_IN_COALESCE_H
#define WORKER_IN_COALESCE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "packet/packet.h"
#include "packet/virtio.h"

/* Flows that are held at once. Few are open within one batch, because streams share the wire in bursts. */
#define COALESCE_FLOWS 8
/* Packets in one super-packet. The kernel takes up to 64 datagrams of UDP; 63 leave room for its own rounding. TCP is
 * limited by 64 KiB instead. */
#define COALESCE_SEGMENTS_MAX 63

/* An opened packet: a whole Ethernet frame. The frame is the coalescer's from coalesce_add until sink.release. */
struct coalesce_packet {
	uint8_t *frame;
	size_t l2; /* bytes of the Ethernet header */
	struct ip_view ip;
	uint64_t addr; /* by which sink.release gives the frame back */
};

/* Where the results go. */
struct coalesce_sink {
	void *user; /* first argument of both */
	/* Writes a frame of n pieces that stands for so many packets. pieces[0] is left free for the virtio header. */
	void (*write)(void *user, const struct virtio_net_hdr *vnet, struct iovec *pieces, int n, uint32_t packets);
	/* Gives back the frame of one packet; called once for each, after the write that it was part of. */
	void (*release)(void *user, uint64_t addr);
};

/* What is held of one flow: a super-packet that is still growing. Sizes are bytes. */
struct coalesce_flow {
	uint32_t count;		      /* packets held; 0: the entry is free */
	bool tcp;		      /* else UDP */
	bool full;		      /* the last packet ended the super-packet: a short one, or TCP's PSH */
	bool aged;		      /* held since an earlier batch */
	struct coalesce_packet first; /* whose headers become the super-packet's */
	size_t header;		      /* L4 header of each packet */
	size_t piece;		      /* payload of the first packet, and the most that the next may have */
	size_t total;		      /* IP total length of the super-packet so far */
	uint32_t next_seq;	      /* TCP: the sequence number that continues the flow */
	struct virtio_net_hdr vnet;
	struct iovec pieces[1 + COALESCE_SEGMENTS_MAX]; /* virtio header, the first packet, payloads */
	uint64_t addrs[COALESCE_SEGMENTS_MAX];		/* of the packets' frames */
};

struct coalescer {
	struct coalesce_sink sink;
	bool udp;      /* whether the host takes UDP super-packets */
	uint32_t next; /* the flow whose entry is taken next when all are in use */
	struct coalesce_flow flows[COALESCE_FLOWS];
};

/* Makes an empty coalescer. The sink is copied; udp: whether the host takes UDP super-packets. */
void coalesce_init(struct coalescer *c, const struct coalesce_sink *sink, bool udp);

/* Takes a packet, which is copied, and its frame, which is the coalescer's until it is released. */
void coalesce_add(struct coalescer *c, const struct coalesce_packet *packet);

/* Hands every flow to the sink: nothing is held afterwards. */
void coalesce_flush(struct coalescer *c);

/*
 * Called between two batches of which the second follows at once. Hands over the flows that are full, and those that
 * were held at the previous call already; so no packet waits for longer than a batch takes.
 */
void coalesce_hold(struct coalescer *c);

#endif
