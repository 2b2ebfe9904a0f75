/* SPDX-License-Identifier: BSD-2-Clause */
#include "orphans.h"

#include "engine_state.h"

/* They go that long after new ones have taken over: for what is on the wire, and what has their tag. */
#define REPLACED_MS 3000
/* Without a hard limit of their own, a peer that is never heard again does not keep them longer. */
#define LIFE_MAX_MS 3600000
/* A thousand peers are not opened in the same moment, but at this distance. */
#define APART_MS 5

bool orphans_wait(const struct peer *p)
{
	return timer_is_set(&p->orphans);
}

static void remove_all(struct engine *e, const uint8_t local[4], const uint8_t remote[4])
{
	e->ops.sa_remove_orphans(e->ops.arg, local, remote);
}

/* The last of them tells how long the peer has time. */
static void wait_for_end(struct peer *p, uint64_t left_ms)
{
	struct engine *e = p->connection->engine;
	const uint64_t end = engine_now(e) + (left_ms < LIFE_MAX_MS ? left_ms : LIFE_MAX_MS);

	if (!orphans_wait(p) || p->orphans.due_ms < end)
		timer_set(&e->timers, &p->orphans, end);
}

/*
 * INITIAL_CONTACT tells the peer that we know nothing any more; else it would find out by its liveness check, at best.
 * So also who is to respond opens here: what was up.
 */
static void open_anew(struct peer *p, unsigned nth)
{
	struct engine *e = p->connection->engine;

	peer_want_all(p);
	if (p->wanted && !timer_is_set(&p->retry))
		timer_set(&e->timers, &p->retry, engine_now(e) + (uint64_t)nth * APART_MS);
}

struct adoption {
	struct engine *engine;
	unsigned count; /* peers */
};

static void adopt_for(struct adoption *a, struct connection *c, const uint8_t remote[4], uint64_t left_ms)
{
	struct peer *p = peer_get(c, remote);
	bool first = p && !orphans_wait(p);

	if (!p)
		return;
	wait_for_end(p, left_ms);
	if (first)
		open_anew(p, a->count++);
	/* After a reload, what was to replace them may be up. */
	if (!p->wanted)
		orphans_replaced(p);
}

/* Which of several connections between the two an SA was made for is not known, so each is opened. */
static void adopt(void *arg, const uint8_t local[4], const uint8_t remote[4], uint64_t left_ms)
{
	struct adoption *a = arg;
	struct connection *first = connection_for(a->engine, local, remote, NULL), *c = first;

	if (!c)
		remove_all(a->engine, local, remote);
	for (; c && c->config->remote_bits == first->config->remote_bits;
	     c = connection_for(a->engine, local, remote, c))
		adopt_for(a, c, remote, left_ms);
}

void orphans_adopt(struct engine *e)
{
	struct adoption a = {.engine = e};

	e->ops.sa_each_orphan(e->ops.arg, adopt, &a);
	if (a.count)
		engine_log(e, false, "an earlier run has left SAs with %u peers: they are opened anew", a.count);
}

void orphans_replaced(struct peer *p)
{
	struct engine *e = p->connection->engine;

	if (orphans_wait(p))
		timer_set(&e->timers, &p->orphans, engine_now(e) + REPLACED_MS);
}

void orphans_end(struct peer *p)
{
	struct engine *e = p->connection->engine;

	timer_cancel(&e->timers, &p->orphans);
	remove_all(e, p->connection->config->local, p->remote);
}

void orphans_on_time(struct timer *timer)
{
	struct peer *p = container_of(timer, struct peer, orphans);

	remove_all(p->connection->engine, p->connection->config->local, p->remote);
	if (!peer_child_up(p, NULL)) {
		peer_log(p, "SAs of an earlier run have come to their end, and the peer has not answered since");
		if (p->connection->config->start != START_INITIATE)
			p->wanted = 0;
	}
	peer_on_loss(p);
}
