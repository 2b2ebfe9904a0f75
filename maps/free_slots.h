/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a free slot may be, found in a few steps however many slots there are: three levels of words, of which a bit of
 * one stands for a word of the level below, and one of the lowest for a slot. A bit is set where nothing is free.
 *
 *   top           1 word        each bit: 4,096 slots
 *   mid           64 words      each bit: 64 slots
 *   low           4,096 words   each bit: a slot
 *
 * It is a hint. Who has a slot is told by its generation alone (slots.h), so whoever is killed between two steps here
 * leaves nothing wrong: a bit that is clear while the slot is in use costs the next one who looks a step, who sets it;
 * a bit that is set while the slot is free hides that slot until it is found by looking at slots (slots_mend). Any
 * number of threads and processes may use it at once.
 */
#ifndef MAPS_FREE_SLOTS_H
#define MAPS_FREE_SLOTS_H

#include <stdint.h>

#include "layout.h"

/* The first slot from that one on, of so many, that may be free. SLOT_NONE: there is none. */
uint32_t free_slots_next(const struct free_slots *f, uint32_t from, uint32_t slots);

/* The slot has been claimed, or found in use. */
void free_slots_take(struct free_slots *f, uint32_t slot, uint32_t slots);

/* The slot is free. */
void free_slots_give(struct free_slots *f, uint32_t slot);

#endif
