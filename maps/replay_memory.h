/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the bits of an inbound SA's replay window are: by the slot, for a window of up to REPLAY_NARROW packets, which
 * is 192 bytes; else in one of a number of wide ones, which are lent.
 *
 * A wide one bears the slot and generation that it is lent to, and is free when that generation is over and no lane can
 * be at work with it: so nobody gives one back, and whoever is killed at any time leaves nothing to be repaired.
 */
#ifndef MAPS_REPLAY_MEMORY_H
#define MAPS_REPLAY_MEMORY_H

#include "maps.h"

/* Words of the ring for such a window. */
static inline uint32_t replay_words(uint32_t window)
{
	return window <= REPLAY_NARROW ? REPLAY_NARROW_WORDS : REPLAY_WIDE_WORDS;
}

/* Makes room, all zero, for an inbound SA with that window in a slot that the caller has claimed; called before the
 * slot has that window. 0, or -ENOSPC where all wide ones are lent. */
int replay_make_room(const struct maps *m, uint32_t slot, uint16_t window);

/* Takes all numbers up to seq for seen, in the room that was made: what the window goes on from is not in it. */
void replay_take_for_seen(const struct maps *m, uint32_t slot, uint16_t window, uint64_t seq);

/* The ring for a window of the SA in the slot, replay_words(window) words of it. NULL: it has none of that size. */
__u64 *replay_ring(const struct maps *m, uint32_t slot, uint32_t generation, uint16_t window);

#endif
