/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When a slot that was given back may be claimed: once every lane (a thread of a worker) is at rest, or has begun a
 * turn since. In a new turn a lane looks at generations again.
 *
 * The reason: a lane looks at a slot's generation and then, some instructions later, takes a sequence number from the
 * slot. Were the slot given back and claimed anew in between, the old key would be used with a counter that begins
 * again, and a nonce would repeat.
 *
 *   lane:   turn_begin    generation? use, use ...          turn_end
 *   owner:         generation + 1, turns_next ....................... turns_are_past: claim
 */
#ifndef MAPS_TURNS_H
#define MAPS_TURNS_H

#include <stdbool.h>
#include <stdint.h>

#include "layout.h"

/* The lane begins a turn: it may use the slots that it finds in use from here on, and has to look again at those that
 * it found before. Costs one fence. */
static inline void turn_begin(struct turns *turns, uint32_t lane)
{
	const uint64_t now = __atomic_load_n(&turns->now, __ATOMIC_ACQUIRE);

	__atomic_store_n(&turns->lanes[lane].at, now << 1 | 1, __ATOMIC_RELEASE);
	/* Either turns_are_past() sees this, or what is read from here on is as it was before turns_are_past(). */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* The lane is at rest: it uses no slot before its next turn. A worker that starts calls it, too, because the last one
 * may have been killed in the midst of a turn. */
static inline void turn_end(struct turns *turns, uint32_t lane)
{
	__atomic_store_n(&turns->lanes[lane].at, 0, __ATOMIC_RELEASE);
}

/* The number to wait for by turns_are_past(), for a slot that has just been given back: turns that begin from here on
 * do not find the slot in use. */
static inline uint64_t turns_next(struct turns *turns)
{
	return __atomic_add_fetch(&turns->now, 1, __ATOMIC_SEQ_CST);
}

/* Tells the lanes that the slot has got that number, so that they forget the key that was in it: sa_cache.h. Who is
 * killed before this leaves a number without a slot, which a lane can see. */
static inline void turns_retire(struct turns *turns, uint64_t number, uint32_t slot)
{
	__atomic_store_n(&turns->retired[number % RETIRED_MAX], number << RETIRED_SLOT_BITS | slot, __ATOMIC_RELEASE);
}

/* The slot that got that number. SLOT_NONE: that is not told yet, or no more. */
static inline uint32_t turns_retired(const struct turns *turns, uint64_t number)
{
	const uint64_t entry = __atomic_load_n(&turns->retired[number % RETIRED_MAX], __ATOMIC_ACQUIRE);

	return entry >> RETIRED_SLOT_BITS == number ? entry & ((1U << RETIRED_SLOT_BITS) - 1) : SLOT_NONE;
}

/* Whether no lane is in a turn that began before that number was given out. */
bool turns_are_past(const struct turns *turns, uint64_t number);

/* All lanes are at rest, because the worker has ended and was waited for. */
void turns_abandon(struct turns *turns);

#endif
