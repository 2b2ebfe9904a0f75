/* SPDX-License-Identifier: BSD-2-Clause */
#include "opening.h"

/* Of who took longest it is forgotten so much with each one that comes to an end: a peer that was slow an hour ago does
 * not make those who are gone now wait. */
#define FORGET 8
/* So many times longer than they took is waited for others. */
#define PATIENCE 4
/* From so many on it may be they who make it take so long; with fewer it is the way, which loses, and there it helps to
 * send again soon. */
#define MANY (OPENING_MAX / 2)
/* What is taken for it at first, and at most. */
#define LONGEST_FIRST_MS 250
#define LONGEST_MAX_MS	 4000

void opening_init(struct engine *e)
{
	e->opening_longest_ms = LONGEST_FIRST_MS;
}

uint64_t opening_took(const struct engine *e)
{
	return e->opening < MANY ? 0 : e->opening_longest_ms;
}

bool opening_is_full(const struct engine *e)
{
	return e->opening >= OPENING_MAX;
}

static bool is_room_for(const struct peer *p)
{
	return p->connection->engine->opening < OPENING_MAX + (p->hurries ? OPENING_KEPT : 0);
}

bool opening_waits(struct peer *p)
{
	struct engine *e = p->connection->engine;

	if (is_room_for(p))
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
	p->hurries = true;
	if (is_room_for(p))
		timer_set(&e->timers, &e->next_opening, engine_now(e));
}

struct peer *opening_next(struct engine *e)
{
	struct peer *p = TAILQ_FIRST(&e->waiting);

	if (!p || !is_room_for(p))
		return NULL;
	peer_wait_no_more(p);
	return p;
}

void opening_begin(struct ike_sa *sa)
{
	sa->opening = sa->opened = true;
	sa->peer->hurries = false;
	sa->engine->opening++;
}

static uint64_t age(const struct ike_sa *sa)
{
	return engine_now(sa->engine) - sa->started_ms;
}

static void forget(struct engine *e)
{
	e->opening_longest_ms -= e->opening_longest_ms / FORGET;
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

static void took(struct engine *e, uint64_t ms)
{
	forget(e);
	if (ms > LONGEST_MAX_MS)
		ms = LONGEST_MAX_MS;
	if (ms > e->opening_longest_ms)
		e->opening_longest_ms = ms;
}

void opening_done(struct ike_sa *sa)
{
	if (!sa->opened)
		return;
	took(sa->engine, age(sa));
	opening_settle(sa);
}

void opening_drags_on(struct ike_sa *sa)
{
	struct engine *e = sa->engine;

	if (!sa->opening || age(sa) < PATIENCE * e->opening_longest_ms)
		return;
	forget(e);
	opening_settle(sa);
}
