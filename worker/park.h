/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets that come before their key: who answers a rekey may send by the new SA
 * at once (RFC 7296 section 2.8), and only its answer makes our key.
 *
 *   inbound ──no key──► park ──key is there──► inbound, in their order
 *                            └─too late, or the slot is gone──► dropped
 *
 * Frames stay where they were received. Whoever guesses an SPI that waits for its
 * key can fill the room of that one SA for PARK_NS, and no more than that.
 */
#ifndef WORKER_PARK_H
#define WORKER_PARK_H

#include <stdbool.h>
#include <stdint.h>
#include <xdp/xsk.h>

/*
 * SAs of one NIC that can wait at once, and packets of each. All of them are a fraction
 * of a queue's frames (umem.h): reception goes on beside it.
 */
#define PARK_SLOTS  8
#define PARK_FRAMES 32
/* Ten times what a daemon needs for its answer; longer, and nobody waits for the packet any more. */
#define PARK_NS (500 * 1000 * 1000ULL)

/* What waits for one SA. */
struct parked {
	uint32_t slot;
	uint32_t generation;
	uint32_t count; /* 0: the entry is free */
	uint64_t until; /* CLOCK_BOOTTIME ns */
	struct xdp_desc descs[PARK_FRAMES];
};

struct park {
	uint32_t waiting; /* entries in use */
	struct parked slots[PARK_SLOTS];
};

/* What waits for that SA, or NULL. */
struct parked *park_find(struct park *k, uint32_t slot, uint32_t generation);

/* Whether packets of that SA wait: what comes now goes behind them, key or not. */
static inline bool park_holds(struct park *k, uint32_t slot, uint32_t generation)
{
	return k->waiting && park_find(k, slot, generation);
}

/* Takes over the frame. False, and it stays the caller's, when there is no room. */
bool park_add(struct park *k, uint32_t slot, uint32_t generation, const struct xdp_desc *desc, uint64_t now);

/* Moves what the entry holds to descs (PARK_FRAMES), oldest first, and frees it. How many there were. */
uint32_t park_take(struct park *k, struct parked *entry, struct xdp_desc *descs);

#endif
