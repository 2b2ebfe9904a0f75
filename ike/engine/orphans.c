/* SPDX-License-Identifier: BSD-2-Clause */
#include "orphans.h"

/* They go that long after new ones have taken over: for what is on the wire, and what has their tag. */
#define REPLACED_MS 3000
/* Without a hard limit of their own, a peer that is never heard again does not keep them longer. */
#define LIFE_MAX_MS 3600000

void orphans_remove(struct engine *e, const uint8_t local[4], const uint8_t remote[4], const struct selector *within,
		    unsigned count)
{
	e->ops.sa_remove_orphans(e->ops.arg, local, remote, within, count);
}

bool orphans_are_between(const struct engine *e, uint64_t key)
{
	const struct peer *p = peer_first(e, key);

	while (p && !peer_has_orphans(p))
		p = peer_next(p);
	return p != NULL;
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

	if (orphans_are_between(e, p->by_addresses.key))
		timer_set(&e->timers, &p->orphans, engine_now(e) + REPLACED_MS);
}

void orphans_end(struct peer *p)
{
	const struct connection_config *config = p->connection->config;
	struct engine *e = p->connection->engine;

	timer_cancel(&e->timers, &p->orphans);
	orphans_remove(e, config->local, p->remote, config->selectors, config->selector_count);
}
