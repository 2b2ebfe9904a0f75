/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TCP and UDP segmentation in user space: a frame of the host, up to 64 KiB, becomes the packets that go on the wire.
 *
 * A segment is made where its payload lies. Its L4 header is written in front of its piece of the payload, over the end
 * of the piece before, so that header and payload are contiguous for the cipher and no payload is copied. Therefore
 * segments are made in order, and each is used up before the next is made.
 *
 *   read:     | Eth | IP | TCP | piece 0 | piece 1 | piece 2 |
 *   then:                | TCP0| piece 0 |
 *   then:                           |TCP1| piece 1 |
 *   then:                                     |TCP2| piece 2 |
 */
#ifndef WORKER_PACKET_SEGMENT_H
#define WORKER_PACKET_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "host_frame.h"

/* A frame of the host that is being cut. Sizes are bytes. */
struct segmenter {
	uint8_t *frame;	   /* where the Ethernet header begins */
	size_t l2;	   /* Ethernet header, with its tags */
	struct ip_view ip; /* as read: the total length is the whole frame's */
	uint8_t proto;
	uint8_t l4[TCP_LEN_MAX]; /* the L4 header as read, of which each segment's is made */
	size_t l4_header;	 /* of l4; 0: the packet goes as it is, and is its own only segment */
	uint8_t *payload;	 /* behind the L4 header; of a packet that goes as it is, behind the IP header */
	size_t payload_len;
	size_t piece;	/* payload of every segment but the last, which may have less */
	uint32_t count; /* of segments, at least 1 */
	uint32_t next;	/* index of the segment that is made next */
};

/*
 * Begins with a frame of len bytes, behind which HOST_TAIL bytes belong to the frame, too. Where the host has left
 * checksums to us, a packet that goes as it is gets its own here, and a segment when it is made. False: the frame is
 * not IPv4, its lengths do not fit, or its kind of super-packet is not TCP over IPv4 or UDP.
 */
bool segment_begin(struct segmenter *s, uint8_t *frame, size_t len, const struct virtio_net_hdr *vnet);

/*
 * Makes the next segment, of which there has to be one (next < count): returns where its L4 header and payload are,
 * *len bytes in all. The caller may overwrite these. The HOST_TAIL bytes behind them are the next segment's: who
 * overwrites them restores them before the next call. IP and Ethernet header are left to segment_headers().
 */
uint8_t *segment_next(struct segmenter *s, size_t *len);

/* Writes Ethernet and IP header of segment `index` to out, which has room for l2 + ip.header bytes. The caller
 * completes the IP header by ip_finish(): total length, protocol and checksum are still those of the frame. */
void segment_headers(const struct segmenter *s, uint32_t index, uint8_t *out);

/* Bytes of L4 header and payload of the largest segment, which is what has to fit the MTU. */
static inline size_t segment_l4_max(const struct segmenter *s)
{
	size_t piece = s->payload_len < s->piece ? s->payload_len : s->piece;

	return s->l4_header + piece;
}

#endif
