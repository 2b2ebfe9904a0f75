/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The slot allocator: who may write a slot of sa_state, replay and the vault.
 *
 * A slot's generation is even while it is free and odd while it is in use, and
 * goes up by one at each claim and release. It is claimed by compare-and-swap
 * in the shared map, so the loader and IKE allocate side by side without a lock
 * and nothing is left to repair when one of them dies.
 *
 *   claim -> fill sa_state and the vault -> publish in sad or sad_out
 *   claim -> publish in sad, with no key: reserved -> fill sa_state and the vault
 *   unpublish -> release
 */
#ifndef MAPS_SLOTS_H
#define MAPS_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

#include "maps.h"

/*
 * Claims a free slot, searching from hint on, and clears its state and bitmap
 * except for the generation. One that was given back is free once no worker
 * uses it any more for what was in it (turns.h): that is after microseconds, and
 * meanwhile there are others.
 * 0 with *slot set, or -ENOSPC. The new generation is m->sa[*slot].generation.
 */
int slot_claim(const struct maps *m, uint32_t hint, uint32_t *slot);

/* Gives the slot back if it is still of that generation. Unpublish it first. */
void slot_release(const struct maps *m, uint32_t slot, uint32_t generation);

/* Whether the generation is that of a slot in use. */
static inline bool slot_in_use(uint32_t generation)
{
	return generation & 1;
}

/* The slot's generation as of now. */
static inline uint32_t slot_generation(const struct sa_state *table, uint32_t slot)
{
	return __atomic_load_n(&table[slot].generation, __ATOMIC_ACQUIRE);
}

#endif
