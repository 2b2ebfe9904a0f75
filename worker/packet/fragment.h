/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fragmentation (RFC 791 section 3.2) of a packet that is sealed already. A packet is sealed whole and then cut,
 * because ESP in transport mode protects no fragment (RFC 4303 section 3.3.4).
 *
 * The fragments are made one at a time, since a frame for the next may become free only after the last was sent.
 */
#ifndef WORKER_PACKET_FRAGMENT_H
#define WORKER_PACKET_FRAGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "packet.h"

/* A packet that is being cut. Sizes are bytes. */
struct fragmenter {
	uint8_t headers[ETH_LEN_MAX + IP_LEN_MAX]; /* Ethernet and IP header; fragment_next completes them for each */
	size_t l2;				   /* Ethernet header */
	size_t header;				   /* IP header of the next fragment */
	size_t mtu;
	const uint8_t *payload;
	size_t len; /* of payload */
	size_t at;  /* payload that is cut off already */
};

/*
 * Begins to cut a packet: len bytes of IP payload. headers: the packet's Ethernet header (l2 bytes) and IP header,
 * which are copied; length, fragment bits, ID and checksum are replaced in each fragment. The payload stays the
 * caller's and must not change until fragment_left() is 0. mtu: bytes of an IP packet, 8 more than the header at least.
 */
void fragment_begin(struct fragmenter *f, const uint8_t *headers, size_t l2, uint16_t id, const uint8_t *payload,
		    size_t len, size_t mtu);

/* Writes the next fragment as a whole frame to out, which has room for l2 + mtu bytes. Returns the frame's length. */
size_t fragment_next(struct fragmenter *f, uint8_t *out);

/* Bytes of payload that no fragment has yet; 0: the packet is done with. */
static inline size_t fragment_left(const struct fragmenter *f)
{
	return f->len - f->at;
}

#endif
