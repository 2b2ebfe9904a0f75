/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Sequence numbers of 64 bits of which 32 are on the wire (RFC 4303 appendix A): once, for BPF and for the worker. */
#ifndef MAPS_ESN_H
#define MAPS_ESN_H

#include <stdbool.h>

#include "layout.h"

/*
 * The number that ends in low and is not behind the window: RFC 4303 appendix A2.2, whose cases A and B are one when
 * it is said so. top: the highest authenticated so far; window: at least 1. 0, which no packet bears, if there is
 * none: it would be below 0, as at the beginning, or past the last.
 */
static inline __u64 esn_complete(__u64 top, __u32 low, __u32 window)
{
	const __u64 bottom = top - (window - 1), number = bottom + (__u32)(low - (__u32)bottom);

	/* A window that begins below 0 has to be left by way of 0, and no other may. */
	return (number < bottom) == (top < window - 1) ? number : 0;
}

/*
 * What is just behind the window so becomes a leap of nearly 2^32 ahead, and only the ICV tells it from a real one.
 * Of both the first is by far the more likely.
 */
static inline bool esn_is_leap(__u64 top, __u64 number)
{
	return number > top && number - top >= 1ULL << 31;
}

#endif
