/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets that come before their key. The responder of a rekey may send by the new SA at once (RFC 7296 section 2.8),
 * but this end has the key only when the responder's answer has come and was worked through.
 *
 *   inbound ──no key──► park ──key is there──► inbound, in the order in which they came
 *                            └─after PARK_NS, or the slot is gone──► dropped
 *
 * Parked packets stay in the frames that they were received in. Nothing about them is authenticated: who guesses an SPI
 * that waits for its key fills the room of that one SA for PARK_NS, and no other; of a jumbo NIC, which has less room
 * in all, who guesses a few.
 */
#ifndef WORKER_IN_PARK_H
#define WORKER_IN_PARK_H

#include <stdbool.h>
#include <stdint.h>
#include <xdp/xsk.h>

#include "nic/umem.h"

/*
 * SAs that packets can be parked for at once, and packets for each. Together they take a fraction of a queue's frames
 * (packet_frames() in maps/packet_memory.h), so that the queue goes on receiving.
 */
#define PARK_SLOTS  8
#define PARK_FRAMES 32
/* Of a jumbo NIC, whose long packets are in spans, one in so many spans: what is sent is in the same ones, and
 * SPANS_FOR_RX are for what is being received. Of the fewest that there are, 341, sending then has 80. */
#define PARK_SPANS 4
/* How long a packet is parked. A daemon needs a tenth of that for its answer; after more, TCP has sent the packet
 * again. */
#define PARK_NS (500 * 1000 * 1000ULL)

/* The packets that are parked for one SA. */
struct parked {
	uint32_t slot;
	uint32_t generation;
	uint32_t count;			    /* of descs; 0: the entry is free */
	uint64_t until;			    /* CLOCK_BOOTTIME ns: PARK_NS after the first packet */
	struct xdp_desc descs[PARK_FRAMES]; /* oldest first */
};

struct park {
	uint32_t waiting; /* entries in use, */
	uint32_t packets; /* and packets in them */
	struct parked slots[PARK_SLOTS];
};

/* The entry of that SA; NULL: no packet is parked for it. */
struct parked *park_find(struct park *k, uint32_t slot, uint32_t generation);

/* Whether packets are parked for that SA. The next packet of the SA then goes behind them, even when the key is there:
 * an SA's packets keep their order. */
static inline bool park_holds(struct park *k, uint32_t slot, uint32_t generation)
{
	return k->waiting && park_find(k, slot, generation);
}

/* How many packets may be parked in that packet memory, for all SAs. */
static inline uint32_t park_room(const struct umem *u)
{
	return u->jumbo ? umem_spans(u) / PARK_SPANS : PARK_SLOTS * PARK_FRAMES;
}

/* Parks a packet and takes over its frame. now: CLOCK_BOOTTIME ns. False: there is no room, and the frame stays the
 * caller's. */
bool park_add(struct park *k, uint32_t slot, uint32_t generation, const struct xdp_desc *desc, uint64_t now);

/* Moves an entry's descriptors, and with them the frames, to descs, which has room for PARK_FRAMES: oldest first. The
 * entry is free afterwards. Returns how many there were. */
uint32_t park_take(struct park *k, struct parked *entry, struct xdp_desc *descs);

#endif
