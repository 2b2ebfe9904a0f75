/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Sequence numbers of 64 bits, of which the low 32 are on the wire (RFC 4303 section 2.2.1). BPF and the worker share
 * this code, so that BPF drops as a replay nothing that the worker would take. */
#ifndef MAPS_ESN_H
#define MAPS_ESN_H

#include <stdbool.h>

#include "layout.h"

/*
 * The first number from the bottom of the window on whose low half is `low`. That is RFC 4303 appendix A2.2, with its
 * cases A and B in one. top: the highest number authenticated so far; window: numbers in the replay window, at least 1.
 * The result is 0, a number that no packet has, if there is none: it would be below 0, as at the beginning, or past the
 * last.
 */
static inline __u64 esn_complete(__u64 top, __u32 low, __u32 window)
{
	const __u64 bottom = top - (window - 1), number = bottom + (__u32)(low - (__u32)bottom);

	/* A window that begins below 0 has to be left by way of 0, and no other may. */
	return (number < bottom) == (top < window - 1) ? number : 0;
}

/*
 * Whether a number that esn_complete() gave is at least 2^31 beyond the top. A packet just behind the window looks so,
 * as nearly 2^32 ahead, and only the ICV tells it from one that really leaps. A late packet is by far the likelier.
 */
static inline bool esn_is_leap(__u64 top, __u64 number)
{
	return number > top && number - top >= 1ULL << 31;
}

#endif
