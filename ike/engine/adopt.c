/* SPDX-License-Identifier: BSD-2-Clause */
#include "adopt.h"

#include "orphans.h"
#include "peer_sas.h"
#include "wish.h"

/*
 * INITIAL_CONTACT tells the peer that we know nothing any more; else it would find out by its liveness check, at best.
 * So also who is to respond opens here: what was up.
 */
static void open_anew(struct peer *p)
{
	peer_want_all(p);
	peer_pursue(p);
}

struct adoption {
	struct engine *engine;
	unsigned count; /* peers */
};

static void adopt_for(struct adoption *a, struct connection *c, const uint8_t remote[4], uint64_t left_ms)
{
	struct peer *p = peer_get(c, remote);
	bool first = p && !peer_has_orphans(p);

	if (!p)
		return;
	orphans_wait(p, left_ms);
	a->count += first;
	if (first)
		open_anew(p);
	/* After a reload, what was to replace them may be up. */
	if (!p->wanted)
		orphans_replaced(p);
}

/*
 * Of the connections between the two, an SA goes to that which its packets would ask for one: that with the longest
 * prefix that has a selector for all of them. Which of several with that prefix it was made for is not known, so each
 * is opened. While the SA is there nobody is told of a packet, so nobody else would open it either.
 */
static void adopt(void *arg, const uint8_t local[4], const uint8_t remote[4], const struct selector *selector,
		  uint64_t left_ms)
{
	struct adoption *a = arg;
	struct connection *first = NULL, *c = NULL;

	while ((c = connection_for(a->engine, local, remote, c))) {
		if (first && c->config->remote_bits != first->config->remote_bits)
			break;
		if (!connection_takes(c, selector))
			continue;
		first = first ? first : c;
		adopt_for(a, c, remote, left_ms);
	}
	if (!first)
		orphans_remove(a->engine, local, remote, selector, 1);
}

void orphans_adopt(struct engine *e)
{
	struct adoption a = {.engine = e};

	e->ops.sa_each_orphan(e->ops.arg, adopt, &a);
	if (a.count)
		engine_log(e, 0, "an earlier run has left SAs with %u peers: they are opened anew", a.count);
}

void orphans_on_time(struct timer *timer)
{
	struct peer *p = container_of(timer, struct peer, orphans);

	orphans_end(p);
	if (!peer_child_up(p, NULL)) {
		peer_log(p, "SAs of an earlier run have come to their end, and the peer has not answered since");
		if (p->connection->config->start != START_INITIATE)
			p->wanted = 0;
	}
	peer_on_loss(p);
}
