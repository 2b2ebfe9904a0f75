/* SPDX-License-Identifier: BSD-2-Clause */
#include "per_lane.h"

#include "carry.h"
#include "ike_sa.h"
#include "peer_sas.h"
#include "task.h"
#include "wire/message.h"

/* So long a peer that has refused is not asked again: it may be given another configuration, and what is lost meanwhile
 * is speed alone. */
#define REFUSED_AGAIN_MS 600000

static bool is_for(const struct child *c, const struct selector *s)
{
	return c->state == CHILD_UP && child_is_wanted(c) && peer_child_is_for(c, s);
}

static bool stays(const struct child *c)
{
	return c->ike->state == IKE_UP && !c->ike->leaves;
}

/* One that stays, if there is; where an IKE SA has another in its place, its children go a moment later. */
static struct child *child_of_lane(const struct peer *p, const struct selector *s, unsigned lane)
{
	struct child *c, *found = NULL;

	TAILQ_FOREACH(c, &p->children, of_peer)
		if (is_for(c, s) && c->lane == lane && (!found || stays(c)))
			found = c;
	return found;
}

/* It has its peer's word, or time enough has gone by: then nothing is looked for any more (carry.h). */
static void give(struct child *spare, unsigned lane)
{
	spare->lane = lane;
	if (!timer_is_set(&spare->watch))
		child_bind(spare);
}

static void ask(struct ike_sa *sa, unsigned selector, unsigned lane)
{
	struct task *task = task_queue(sa, TASK_CHILD);

	if (!task)
		return;
	task->selector = selector;
	task->lane = lane;
}

static bool may_ask(const struct peer *p, const struct child *all)
{
	const struct ike_sa *sa = all->ike;

	return all->resource && sa->peer == p && stays(all) && !p->no_pfs &&
	       engine_now(sa->engine) >= p->lanes_again_ms && !lane_children_are_many(p);
}

void lane_acquire(struct peer *p, unsigned selector, unsigned lane)
{
	const struct selector *s = &p->connection->config->selectors[selector];
	struct child *all = child_of_lane(p, s, 0), *c = child_of_lane(p, s, lane);

	if (!all || lane > LANES_MAX || !p->connection->config->per_queue)
		return;
	if (c && stays(c)) {
		if (!timer_is_set(&c->watch))
			child_bind(c);
		return;
	}
	c = child_of_lane(p, s, LANE_SPARE);
	if (c)
		give(c, lane);
	else if (may_ask(p, all) && !task_find_child(all->ike, selector, lane))
		ask(all->ike, selector, lane);
}

void lane_refused(struct peer *p, uint16_t error)
{
	if (!p->lanes_again_ms)
		peer_log(p, "the peer makes no further child for a lane (%s): the others carry what there is",
			 error ? notify_name(error) : "it does not know per-queue SAs");
	p->lanes_again_ms = engine_now(p->connection->engine) + REFUSED_AGAIN_MS;
}

void lane_child_made(const struct child *c)
{
	struct child *all = c->lane ? child_of_lane(c->peer, &c->selector, 0) : NULL;

	if (!all || all->resource)
		return;
	all->resource = true;
	child_bind_again(all);
}

bool lane_is_beside(const struct ike_sa *sa, const struct peer *p, const struct selector *s)
{
	const struct child *c;

	TAILQ_FOREACH(c, &sa->children, of_list)
		if (c->peer == p && !c->lane && is_for(c, s))
			return true;
	return false;
}

bool lane_children_are_many(const struct peer *p)
{
	const struct child *c;
	unsigned n = 0;

	TAILQ_FOREACH(c, &p->children, of_peer)
		n += c->lane && c->state == CHILD_UP;
	return n >= LANE_CHILDREN_MAX;
}
