/* SPDX-License-Identifier: BSD-2-Clause */
/* What all ports of a worker share, and where packets are counted. */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

#include <stdint.h>

#include "ip_id.h"
#include "maps/maps.h"
#include "maps/vault.h"
#include "sa_cache.h"

struct worker {
	struct maps maps;
	struct vault vault;
	struct sa_cache sas;
	const struct aead *aead;
	struct ip_ids ip_ids;
	uint32_t lane; /* in turns: the thread */
	uint64_t now;  /* CLOCK_BOOTTIME ns, as of this turn of the loop */
};

/* Counts one packet for status, and for its SA if there is one. */
static inline void count(struct worker *w, enum reason reason, uint64_t n)
{
	*counts_at(w->maps.worker_counts, reason) += n;
}

static inline void drop(struct worker *w, struct sa_state *sa, enum reason reason, uint64_t n)
{
	count(w, reason, n);
	/* The BPF programs count in the same place. */
	if (sa)
		__atomic_fetch_add(counts_at(&sa->drops, reason), n, __ATOMIC_RELAXED);
}

#endif
