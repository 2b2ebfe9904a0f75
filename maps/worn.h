/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What of an SA is used up is counted in one cache line by the worker, and told to BPF in another, when a limit is
 * reached (layout.h).
 */
#ifndef MAPS_WORN_H
#define MAPS_WORN_H

#include <stdbool.h>
#include <stdint.h>

#include "layout.h"

/* Whether a counter is at its limit, 0 being none. */
static inline bool worn_is_at(uint64_t value, uint64_t limit)
{
	return value > limit - 1;
}

/* The last number that an outbound SA may give out (RFC 4303 section 3.3.3). */
static inline uint64_t worn_last_number(const struct sa_state *sa)
{
	return sa->flags & SA_ESN ? UINT64_MAX : UINT32_MAX;
}

/* Tells those bits of enum sa_worn. What is told already is not written again. */
static inline void worn_tell(struct sa_state *sa, uint8_t bits)
{
	if (bits & ~__atomic_load_n(&sa->worn, __ATOMIC_RELAXED))
		__atomic_fetch_or(&sa->worn, bits, __ATOMIC_RELAXED);
}

/* Whether one of the limits of packets and bytes is reached. */
static inline bool worn_any(const struct sa_state *sa, uint64_t packets, uint64_t bytes)
{
	return worn_is_at(packets, sa->soft_packets) || worn_is_at(bytes, sa->soft_bytes) ||
	       worn_is_at(packets, sa->hard_packets) || worn_is_at(bytes, sa->hard_bytes);
}

/* Tells which of them are. */
static inline void worn_tell_limits(struct sa_state *sa, uint64_t packets, uint64_t bytes)
{
	const bool soft = worn_is_at(packets, sa->soft_packets) || worn_is_at(bytes, sa->soft_bytes);
	const bool hard = worn_is_at(packets, sa->hard_packets) || worn_is_at(bytes, sa->hard_bytes);

	worn_tell(sa, (uint8_t)((soft ? SA_WORN_SOFT : 0) | (hard ? SA_WORN_HARD : 0)));
}

#endif
