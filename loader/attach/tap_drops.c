/* SPDX-License-Identifier: BSD-2-Clause */
#include "tap_drops.h"

#include "net/netdev.h"

/* How much of a TAP's count has been added is in the map, for a supervisor that goes on with the TAP of another. */
void tap_drops_count(const struct maps *maps, struct port *p)
{
	uint64_t dropped;
	uint32_t more;

	if (!p->tap_ifindex || !netdev_tx_dropped((int)p->tap_ifindex, &dropped))
		return;
	more = (uint32_t)dropped - p->tap_dropped;
	p->tap_dropped = (uint32_t)dropped;
	__atomic_fetch_add(counts_at(&maps->worker_counts[0], REASON_TAP_FULL), more, __ATOMIC_RELAXED);
}
