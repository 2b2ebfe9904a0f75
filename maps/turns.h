/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When nobody uses a slot any more for the SA that was in it.
 *
 * A worker looks at a slot's generation and then, some instructions later, takes
 * a sequence number from it. Were the slot given back and claimed anew in between,
 * the old key would meet a counter that begins again, and a nonce would repeat. So
 * a slot that was given back is claimed only when every lane (a worker's thread) is
 * at rest, or has begun a turn since: in a new turn it looks at generations again.
 *
 *   lane:   turn_begin    generation? use, use ...          turn_end
 *   owner:         generation + 1, turns_next ....................... turns_are_past: claim
 */
#ifndef MAPS_TURNS_H
#define MAPS_TURNS_H

#include <stdbool.h>
#include <stdint.h>

#include "layout.h"

/* From now on the lane may use what it finds in use; what it found before it looks at again. Not more than a fence. */
static inline void turn_begin(struct turns *turns, uint32_t lane)
{
	const uint64_t now = __atomic_load_n(&turns->now, __ATOMIC_ACQUIRE);

	__atomic_store_n(&turns->lanes[lane].at, now << 1 | 1, __ATOMIC_RELEASE);
	/* Either turns_are_past() sees this, or what is read from here on is as it was before turns_are_past(). */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* The lane is at rest, and uses nothing before its next turn. A worker that starts says so, too: its lane may have been
 * in the midst when the last one was killed. */
static inline void turn_end(struct turns *turns, uint32_t lane)
{
	__atomic_store_n(&turns->lanes[lane].at, 0, __ATOMIC_RELEASE);
}

/* The number to wait for of what has just been made unusable: in turns that begin from here on it is. */
static inline uint64_t turns_next(struct turns *turns)
{
	return __atomic_add_fetch(&turns->now, 1, __ATOMIC_SEQ_CST);
}

/* Whether no lane is in a turn that began before that number was given out. */
bool turns_are_past(const struct turns *turns, uint64_t number);

/* No lane is in a turn: the worker has ended, and was waited for. */
void turns_abandon(struct turns *turns);

#endif
