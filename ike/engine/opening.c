/* SPDX-License-Identifier: BSD-2-Clause */
#include "opening.h"

bool opening_is_full(const struct engine *e)
{
	return e->opening >= OPENING_MAX;
}

bool opening_waits(struct peer *p)
{
	struct engine *e = p->connection->engine;

	if (!opening_is_full(e))
		return false;
	if (!p->waits)
		TAILQ_INSERT_TAIL(&e->waiting, p, of_waiting);
	p->waits = true;
	return true;
}

void opening_hurry(struct peer *p)
{
	struct engine *e = p->connection->engine;

	if (!p->waits)
		return;
	TAILQ_REMOVE(&e->waiting, p, of_waiting);
	TAILQ_INSERT_HEAD(&e->waiting, p, of_waiting);
}

struct peer *opening_next(struct engine *e)
{
	struct peer *p = opening_is_full(e) ? NULL : TAILQ_FIRST(&e->waiting);

	if (p)
		peer_wait_no_more(p);
	return p;
}

void opening_begin(struct ike_sa *sa)
{
	sa->opening = true;
	sa->engine->opening++;
}

void opening_settle(struct ike_sa *sa)
{
	struct engine *e = sa->engine;

	if (!sa->opening)
		return;
	sa->opening = false;
	e->opening--;
	if (!TAILQ_EMPTY(&e->waiting))
		timer_set(&e->timers, &e->next_opening, engine_now(e));
}
