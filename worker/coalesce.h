/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Receive coalescing: consecutive TCP segments and equal-sized UDP datagrams of
 * one flow become one super-packet for the host, as GRO makes them.
 *
 * Only packets whose own checksum was found right are merged, because the
 * super-packet tells the host that its checksums need no look: a wrong one goes
 * alone and as it came, for the host to reject. What cannot be merged goes at
 * once, after whatever of its own flow came before it.
 */
#ifndef WORKER_COALESCE_H
#define WORKER_COALESCE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "packet.h"
#include "virtio.h"

/* Flows held at once. Streams share the wire in bursts, so few are open within one batch. */
#define COALESCE_FLOWS 8
/* The kernel takes UDP super-packets of up to 64 datagrams; 63 leaves room for its own rounding. TCP ends at 64 KiB. */
#define COALESCE_SEGMENTS_MAX 63

/* An opened packet: a whole Ethernet frame, which the coalescer gives back by its address when it is done. */
struct coalesce_packet {
	uint8_t *frame;
	size_t l2; /* length of the Ethernet header */
	struct ip_view ip;
	uint64_t addr;
};

/* Where the result goes. pieces[0] is free for the virtio header. */
struct coalesce_sink {
	void *user;
	void (*write)(void *user, const struct virtio_net_hdr *vnet, struct iovec *pieces, int n, uint32_t packets);
	void (*release)(void *user, uint64_t addr);
};

struct coalesce_flow {
	uint32_t count; /* packets held; 0: the entry is free */
	bool tcp;
	bool full; /* nothing more may follow */
	bool aged; /* held over from an earlier batch */
	struct coalesce_packet first;
	size_t header;	   /* L4 header */
	size_t piece;	   /* payload of the first */
	size_t total;	   /* IP total length so far */
	uint32_t next_seq; /* TCP */
	struct virtio_net_hdr vnet;
	struct iovec pieces[1 + COALESCE_SEGMENTS_MAX];
	uint64_t addrs[COALESCE_SEGMENTS_MAX];
};

struct coalescer {
	struct coalesce_sink sink;
	bool udp;      /* whether the host takes UDP super-packets */
	uint32_t next; /* flow to give up when all are in use */
	struct coalesce_flow flows[COALESCE_FLOWS];
};

void coalesce_init(struct coalescer *c, const struct coalesce_sink *sink, bool udp);

/* Takes one packet, and ownership of its frame. */
void coalesce_add(struct coalescer *c, const struct coalesce_packet *packet);

/* Hands everything held to the sink. */
void coalesce_flush(struct coalescer *c);

/*
 * Between two batches that follow each other at once: hands over what is full, and
 * what has been held once before, so that nothing waits for longer than a batch takes.
 */
void coalesce_hold(struct coalescer *c);

#endif
