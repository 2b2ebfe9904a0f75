/* SPDX-License-Identifier: BSD-2-Clause */
#include "wish.h"

#include "child_life.h"
#include "open.h"
#include "opening.h"
#include "orphans.h"
#include "peer_sas.h"
#include "peer_state.h"
#include "redundant.h"
#include "renew.h"
#include "task.h"

/* Between attempts that fail: 1, 2, 4 ... 60 s, less up to a quarter. */
#define RETRY_FIRST_MS 1000
#define RETRY_MAX_MS   60000
#define RETRY_JITTER   25
/* The first wish after an IKE SA without a child: most peers ask themselves, a round trip later. */
#define CHILDLESS_MS 200
/* A packet that waits still is told of once a second. */
#define MISSED_MS 1500
/* Between attempts beside an IKE SA that does not answer. */
#define DOUBT_AGAIN_MS 500

void peer_want_all(struct peer *p)
{
	const unsigned count = p->connection->config->selector_count;

	for (unsigned i = 0; i < count; i++)
		if (!peer_child_up(p, &p->connection->config->selectors[i]))
			p->wanted |= 1U << i;
}

/* On sa, or another one, and then there would be one of each. But another one that does not answer may not bring it. */
static bool child_under_way(const struct ike_sa *sa, unsigned selector)
{
	const struct ike_sa *other;

	TAILQ_FOREACH(other, &sa->peer->sas, of_peer)
		if ((other == sa || (other->state == IKE_UP && !ike_sa_is_doubtful(other))) &&
		    task_find_child(other, selector, 0))
			return true;
	return false;
}

static void ask_for_children(struct peer *p, struct ike_sa *sa)
{
	for (unsigned i = 0; i < p->connection->config->selector_count; i++) {
		struct task *task;

		if (!(p->wanted & 1U << i) || child_under_way(sa, i))
			continue;
		if (p->no_pfs) {
			renew_for(p, i);
			continue;
		}
		task = task_queue(sa, TASK_CHILD);
		if (!task)
			continue;
		task->selector = i;
		task->wished = true;
	}
}

static unsigned first_wanted(const struct peer *p)
{
	return (unsigned)__builtin_ctz(p->wanted);
}

/* Who has ordered it waits for nobody. */
static bool is_ordered(const struct peer *p)
{
	const struct order *order;

	TAILQ_FOREACH(order, &p->orders, of_peer)
		if (order->kind == ORDER_UP)
			return true;
	return false;
}

static void open_for_wish(struct peer *p)
{
	struct ike_sa *sa = !is_ordered(p) && opening_waits(p) ? NULL : peer_open(p, first_wanted(p));

	if (!sa)
		return;
	TAILQ_FIRST(&sa->tasks)->wished = true;
	opening_begin(sa);
}

void peer_pursue(struct peer *p)
{
	struct ike_sa *up = peer_ike_up(p);

	if (!p->wanted || !peer_may_connect(p))
		return;
	if (up)
		ask_for_children(p, up);
	else if (!peer_is_under_way(p))
		open_for_wish(p);
}

void wish_next_opening(struct timer *timer)
{
	struct engine *e = container_of(timer, struct engine, next_opening);
	struct peer *p;

	while ((p = opening_next(e)))
		peer_pursue(p);
}

void wish_begin(struct connection *c)
{
	struct engine *e = c->engine;
	struct peer *p;

	if (c->gone || connection_is_mesh(c))
		return;
	p = peer_get(c, c->config->remote);
	if (!p) {
		timer_set(&e->timers, &c->begin, engine_now(e) + NO_MEMORY_MS);
		return;
	}
	if (c->config->start != START_INITIATE)
		return;
	peer_want_all(p);
	peer_pursue(p);
}

void wish_begin_on_time(struct timer *timer)
{
	wish_begin(container_of(timer, struct connection, begin));
}

static void retry_later(struct peer *p)
{
	struct engine *e = p->connection->engine;
	uint64_t delay = (uint64_t)RETRY_FIRST_MS << (p->failures < 7 ? p->failures : 7);

	if (delay > RETRY_MAX_MS)
		delay = RETRY_MAX_MS;
	if (!timer_is_set(&p->retry))
		timer_set(&e->timers, &p->retry, engine_now(e) + engine_jitter(e, delay, RETRY_JITTER));
}

static void has_all(struct peer *p)
{
	orphans_replaced(p);
	peer_end_orders(p, ORDER_UP, NULL);
}

void peer_on_child_up(struct peer *p, struct child *child)
{
	const struct connection_config *config = p->connection->config;

	for (unsigned i = 0; i < config->selector_count; i++)
		if (!child->lane && peer_child_is_for(child, &config->selectors[i]))
			p->wanted &= ~(1U << i);
	p->failures = 0;
	peer_see_state(p);
	child_thin_out(child);
	redundant_end(child->ike->peer, NULL);
	if (p->wanted) {
		peer_pursue(p);
		return;
	}
	peer_failures_over(p);
	has_all(p);
}

static bool misses(const struct peer *p)
{
	return p->missed && engine_now(p->connection->engine) - p->missed_ms < MISSED_MS;
}

void wish_missed(struct peer *p, unsigned selector)
{
	if (!misses(p))
		p->missed = 0;
	p->missed |= 1U << selector;
	p->missed_ms = engine_now(p->connection->engine);
}

/* Most ask for one next, and what waited for the peer to be there waits no longer. */
void peer_on_childless(struct peer *p)
{
	struct engine *e = p->connection->engine;

	if (peer_is_kept_up(p) && !p->held)
		peer_want_all(p);
	if (misses(p))
		p->wanted |= p->missed;
	p->missed = 0;
	p->failures = 0;
	timer_cancel(&e->timers, &p->retry);
	if (p->wanted && peer_may_connect(p))
		timer_set(&e->timers, &p->retry, engine_now(e) + CHILDLESS_MS);
}

/* Trap waits for the next packet, which does not come to us while SAs of an earlier run take it; initiate tries again
 * by itself. */
void peer_on_failure(struct peer *p)
{
	const struct failure *f = &p->last_failures[FAILED];
	char why[FAILURE_LINE];

	failure_line(f->notify, f->what, why);
	peer_end_orders(p, ORDER_UP, why);
	peer_end_orders(p, ORDER_REKEY, why);
	if (!peer_is_kept_up(p) && !peer_has_orphans(p))
		p->wanted = 0;
	p->failures++;
	peer_on_loss(p);
}

/* Another way may have brought what is wanted. */
void peer_see_to_wishes(struct peer *p)
{
	if (!p->wanted || p->waits || p->tasks || timer_is_set(&p->retry))
		return;
	for (unsigned i = 0; i < p->connection->config->selector_count; i++)
		if (p->wanted & 1U << i && peer_child_up(p, &p->connection->config->selectors[i]))
			p->wanted &= ~(1U << i);
	if (!p->wanted)
		has_all(p);
	else if (peer_may_connect(p))
		retry_later(p);
}

/* Who is to respond asks for children on what the peer has opened, and opens nothing unless it is told to. */
static bool may_begin(const struct peer *p)
{
	return is_ordered(p) || p->connection->config->start != START_RESPOND || peer_has_orphans(p);
}

void peer_on_loss(struct peer *p)
{
	struct engine *e = p->connection->engine;

	peer_see_state(p);
	if (p->connection->gone) {
		p->wanted = 0;
	} else if (peer_is_kept_up(p) && !p->held) {
		peer_want_all(p);
	}
	if (!peer_ike_up(p) && !may_begin(p))
		p->wanted = 0;
	if (p->wanted && !p->held)
		retry_later(p);
	/* What was tried beside it has failed, perhaps since the peer is there, and has not read its configuration yet.
	 */
	if (peer_doubtful(p) && !peer_is_under_way(p) && !timer_is_set(&p->retry))
		timer_set(&e->timers, &p->retry, engine_now(e) + DOUBT_AGAIN_MS);
	mortal_end(&e->ending, &p->mortal);
}
