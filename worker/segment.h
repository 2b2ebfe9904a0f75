/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TCP and UDP segmentation in user space: one frame of the host, up to 64 KiB,
 * is cut into the packets that go on the wire.
 *
 * A segment is made where its payload lies: its L4 header is written in front of
 * its piece of the payload, over the end of the piece before it, so that header
 * and payload are contiguous for the cipher and nothing is copied. Segments must
 * therefore be made, and used up, in order.
 *
 *   read:     | Eth | IP | TCP | piece 0 | piece 1 | piece 2 |
 *   then:                | TCP0| piece 0 |
 *   then:                           |TCP1| piece 1 |
 *   then:                                     |TCP2| piece 2 |
 */
#ifndef WORKER_SEGMENT_H
#define WORKER_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "host_frame.h"

struct segmenter {
	uint8_t *frame;	   /* Ethernet header */
	size_t l2;	   /* its length, with tags */
	struct ip_view ip; /* as read: header and total length of the whole */
	uint8_t proto;
	uint8_t l4[TCP_LEN_MAX]; /* the L4 header as read, where segments need one */
	size_t l4_header;	 /* its length; 0 when the packet goes as it is */
	uint8_t *payload;	 /* behind the L4 header */
	size_t payload_len;
	size_t piece;	/* payload bytes of every segment but the last */
	uint32_t count; /* of segments, at least 1 */
	uint32_t next;	/* index of the segment to be made next */
};

/*
 * Reads a frame of len bytes from the host. The buffer has HOST_TAIL bytes behind
 * it. A checksum the host left to us is completed when the segment is made.
 * False if the frame is not one we can send.
 */
bool segment_begin(struct segmenter *s, uint8_t *frame, size_t len, const struct virtio_net_hdr *vnet);

/*
 * Makes the next segment: its L4 header and payload are at the result, *len
 * bytes, which may be overwritten, as may HOST_TAIL bytes behind them if they are
 * restored before the next call. The IP header in the frame is not touched:
 * segment_headers() writes the segment's own.
 */
uint8_t *segment_next(struct segmenter *s, size_t *len);

/* Writes Ethernet and IP header of segment `index` to out (l2 + ip.header bytes); length, protocol and checksum are
 * open. */
void segment_headers(const struct segmenter *s, uint32_t index, uint8_t *out);

/* Bytes of L4 of the largest segment: what must fit into the MTU. */
static inline size_t segment_l4_max(const struct segmenter *s)
{
	size_t piece = s->payload_len < s->piece ? s->payload_len : s->piece;

	return s->l4_header + piece;
}

#endif
