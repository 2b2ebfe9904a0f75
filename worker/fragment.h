/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fragmentation (RFC 791 section 3.2) of a packet that is sealed already: ESP
 * never protects a fragment, so this is the last thing done to it (RFC 4303
 * section 3.3.4).
 *
 * A packet is cut piece by piece into frames of the NIC, as these become free.
 */
#ifndef WORKER_FRAGMENT_H
#define WORKER_FRAGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "packet.h"

struct fragmenter {
	uint8_t headers[ETH_LEN_MAX + IP_LEN_MAX]; /* of the next fragment, but for what is its alone */
	size_t l2;
	size_t header; /* IP */
	size_t mtu;
	const uint8_t *payload;
	size_t len;
	size_t at; /* payload bytes that are cut off already */
};

/*
 * Begins with len bytes of IP payload behind the Ethernet header (l2 bytes) and
 * the IP header at headers; the payload is to stay until fragment_left() is 0. Length,
 * fragment bits, ID and checksum of that IP header are written here, the rest is
 * taken as it is. mtu: bytes of an IP packet, at least 68 (RFC 791).
 */
void fragment_begin(struct fragmenter *f, const uint8_t *headers, size_t l2, uint16_t id, const uint8_t *payload,
		    size_t len, size_t mtu);

/* Writes the next fragment to out (l2 + mtu bytes): the length of the frame. */
size_t fragment_next(struct fragmenter *f, uint8_t *out);

/* Bytes of payload that are still to go; 0: done. */
static inline size_t fragment_left(const struct fragmenter *f)
{
	return f->len - f->at;
}

#endif
