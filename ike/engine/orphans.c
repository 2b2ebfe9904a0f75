/* SPDX-License-Identifier: BSD-2-Clause */
#include "orphans.h"

/* They go that long after new ones have taken over: for what is on the wire, and what has their tag. */
#define REPLACED_MS 3000
/* Without a hard limit of their own, a peer that is never heard again does not keep them longer. */
#define LIFE_MAX_MS 3600000

void orphans_remove(struct engine *e, const uint8_t local[4], const uint8_t remote[4])
{
	e->ops.sa_remove_orphans(e->ops.arg, local, remote);
}

void orphans_wait(struct peer *p, uint64_t left_ms)
{
	struct engine *e = p->connection->engine;
	const uint64_t end = engine_now(e) + (left_ms < LIFE_MAX_MS ? left_ms : LIFE_MAX_MS);

	if (!peer_has_orphans(p) || p->orphans.due_ms < end)
		timer_set(&e->timers, &p->orphans, end);
}

void orphans_replaced(struct peer *p)
{
	struct engine *e = p->connection->engine;

	if (peer_has_orphans(p))
		timer_set(&e->timers, &p->orphans, engine_now(e) + REPLACED_MS);
}

void orphans_end(struct peer *p)
{
	struct engine *e = p->connection->engine;

	timer_cancel(&e->timers, &p->orphans);
	orphans_remove(e, p->connection->config->local, p->remote);
}
