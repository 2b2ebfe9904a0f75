/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Counting by reason: every drop, and what passes by a decision of ours. */
#ifndef BPF_COUNT_H
#define BPF_COUNT_H

#include "cfg.h"

/* Whether a packet may go no further when that is counted; a constant where the reason is one. */
static __always_inline bool is_an_end(enum reason reason)
{
	return reason >= REASON_PATH_MTU && reason != REASON_PARKED;
}

/*
 * Adds to a counter of this CPU. Neither XDP nor tc is interrupted by itself. A program that runs in a process, too
 * (IN_PROCESS), is by both, and another process may go on in the middle of it.
 */
static __always_inline void add_here(__u64 *counter, __u64 n)
{
#ifdef IN_PROCESS
	__sync_fetch_and_add(counter, n);
#else
	*counter += n;
#endif
}

/* Counts one packet. */
static __always_inline void count(enum reason reason)
{
	__u32 only = 0;
	struct counts *counts = bpf_map_lookup_elem(&stats, &only);

	if (!counts)
		return;
	add_here(counts_at(counts, reason), 1);
	if (is_an_end(reason))
		counts->last = reason;
}

/* Counts one packet of a known SA, also in the SA's own counters, which all CPUs and the worker share. */
static __always_inline void count_sa(struct sa_state *sa, enum reason reason)
{
	__sync_fetch_and_add(counts_at(&sa->drops, reason), 1);
	count(reason);
}

#endif
