/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The slot allocator: who has claimed a slot may write it in sa_state, replay and the vault.
 *
 * Where to look for a free one is told by free_slots.h, in a few steps.
 *
 * A slot's generation is even while the slot is free and odd while it is in use, and goes up by one at each claim and
 * each release; so slot and generation together name one SA for ever. A slot is claimed by compare-and-swap in the
 * shared map: the loader and IKE allocate side by side without a lock, and nothing is to be repaired when one of them
 * dies.
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

/* How many slots this process has looked at to claim one: what tests hold against the number of slots. */
extern uint64_t slots_looked_at;

/* Called by who starts, before it claims: finds the free slots that whoever was killed has left hidden. Looks at all.
 */
void slots_mend(const struct maps *m);

/*
 * Claims a free slot, the first from hint on, and clears its state and bitmap except for the generation. A slot that
 * was given back is not claimed while a worker may still use it for the SA that was in it (turns.h); that takes
 * microseconds, and meanwhile there are other slots. 0 with *slot, whose new generation is m->sa[*slot].generation, or
 * -ENOSPC.
 */
int slot_claim(const struct maps *m, uint32_t hint, uint32_t *slot);

/* Gives the slot back, if it is still of that generation. Its SA has to be out of sad, sad_out and sad_sent, and its
 * key wiped, because the slot may be another SA's from here on. */
void slot_release(const struct maps *m, uint32_t slot, uint32_t generation);

/* Whether the SA of that generation, an odd one, is gone from the slot, and no lane can be at work with it. */
bool slot_is_over(const struct maps *m, uint32_t slot, uint32_t generation);

/*
 * A copy of the SA in the slot, whose owner and worker go on meanwhile. False: there is none that packets can use, be
 * it that the slot is claimed and not filled yet, or reserved (no key yet), or has changed hands while it was copied.
 */
bool slot_read(const struct maps *m, uint32_t slot, struct sa_state *sa);

/* Whether a slot of that generation is in use. */
static inline bool slot_in_use(uint32_t generation)
{
	return generation & 1;
}

/* The slot's generation as of now. What is read of the slot afterwards is of that generation or a later one. */
static inline uint32_t slot_generation(const struct sa_state *table, uint32_t slot)
{
	return __atomic_load_n(&table[slot].generation, __ATOMIC_ACQUIRE);
}

#endif
