/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets that follow each other and are sealed together, by one call of the cipher; those of one SA in a row, a run,
 * share a lease of sequence numbers. A run is begun, its headers written and its numbers taken, when a packet of
 * another SA follows it: where each packet is another one's, what they take of memory comes a packet at a time. Only
 * what goes as it is, a packet for each frame of the host: super-packets are a burst of their own.
 */
#ifndef WORKER_OUT_BURST_H
#define WORKER_OUT_BURST_H

#include "esp/esp.h"
#include "lane/port.h"
#include "packet/segment.h"

/* As many as one kick takes (KICK_BATCH). */
#define BURST_MAX 32

struct burst_packet {
	struct esp_sa *sa; /* good until the burst is sealed, or the lane's turn ends */
	uint64_t addr;	   /* of the packet memory that it is sealed into */
	uint8_t *frame, *payload;
	uint16_t l2, header; /* bytes of the Ethernet and of the IP header */
	uint16_t len;	     /* bytes of the payload */
	uint8_t proto;
};

struct burst {
	uint32_t count;	    /* packets, */
	uint32_t begun;	    /* of which so many are begun, and dropped */
	uint32_t sent;	    /* or in the NIC's ring, with a call each that seals them */
	uint64_t run_bytes; /* of the payloads of those that are not begun */
	struct burst_packet packets[BURST_MAX];
	struct aead_call calls[BURST_MAX];
};

/*
 * Takes up the packet that s has begun, if it goes as it is: one segment, which fits the path. Its frame stays the
 * host's, and must stay as it is until burst_seal; HOST_TAIL bytes behind it are written over. False: the burst or the
 * NIC is full.
 */
bool burst_add(struct burst *b, struct port_queue *p, struct esp_sa *sa, const struct segmenter *s);

/* Packets that the NIC's ring has not got yet. */
static inline uint32_t burst_left(const struct burst *b)
{
	return b->count - b->begun;
}

/* Seals what there is and pushes it to the NIC, which must not be kicked before, and is not yet. Returns how many
 * packets that were; what its SA has no sequence number for is dropped and counted. To be called before any of these
 * SAs' places in the cache may be another one's. */
uint32_t burst_seal(struct burst *b, struct port_queue *p);

#endif
