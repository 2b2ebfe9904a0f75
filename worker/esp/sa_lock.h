/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Locks by slot, in the worker's own memory: a lane takes that of an inbound SA before it moves the replay window and
 * the counters of it. There are so many that all lanes at once hold hardly ever one that another SA has, too, and so
 * few that they stay in the CPU's cache however many SAs there are. RSS brings an SA's packets to one queue, so two
 * lanes hardly ever want the same lock; where RSS does not, a lane holds it for as long as it takes to mark a batch.
 *
 * Of one lane alone there is no lock, NULL, and nothing to wait for.
 *
 * A worker that is killed takes its locks along. What it leaves in the maps is right at each of its stores (replay.c).
 */
#ifndef WORKER_ESP_SA_LOCK_H
#define WORKER_ESP_SA_LOCK_H

#include <sched.h>
#include <stdint.h>

#include "packet/prefetch.h"

/* So often a lane looks again before it gives its CPU to whoever was taken off it while holding the lock. */
#define SA_LOCK_SPINS 256

#define SA_LOCKS 4096

/* Two SAs may be two lanes': each lock has a cache line of its own. */
struct sa_lock {
	uint32_t taken;
} __attribute__((aligned(64)));

static inline struct sa_lock *sa_lock_of(struct sa_lock *locks, uint32_t slot)
{
	return &locks[slot % SA_LOCKS];
}

/* Asks for it, ahead of sa_lock_take. */
static inline void sa_lock_prefetch(const struct sa_lock *lock)
{
	if (lock)
		prefetch_line_to_write(lock);
}

static inline void sa_lock_take(struct sa_lock *lock)
{
	uint32_t spins = 0;

	if (!lock)
		return;
	while (__atomic_exchange_n(&lock->taken, 1, __ATOMIC_ACQUIRE))
		while (__atomic_load_n(&lock->taken, __ATOMIC_RELAXED))
			if (++spins % SA_LOCK_SPINS == 0)
				sched_yield();
}

static inline void sa_lock_give(struct sa_lock *lock)
{
	if (lock)
		__atomic_store_n(&lock->taken, 0, __ATOMIC_RELEASE);
}

#endif
