/* SPDX-License-Identifier: BSD-2-Clause */
#include "child_life.h"

#include <string.h>

#include "ike_sa.h"
#include "liveness.h"
#include "peer.h"
#include "redundant.h"
#include "task.h"

/* Of two IKE SAs that came up at once one goes by then, and takes its children along (redundant.c); and of others
 * something has been heard, at the usual dpd-interval. */
#define THIRD_MS 15000

static bool is_higher(const struct child *other, const struct child *c)
{
	return other->state == CHILD_UP && child_is_alike(other, c) &&
	       memcmp(other->low_nonce, c->low_nonce, NONCE_SIZE) > 0;
}

bool child_is_taking_over(const struct child *c)
{
	const struct child *old;

	TAILQ_FOREACH(old, &c->ike->children, of_list)
		if (old->successor == c)
			return true;
	return false;
}

bool child_is_unheard(const struct child *c)
{
	struct sa_usage usage;

	return !c->initiator && c->made_on == c->ike->serial && c->ike->expected_id == c->made_id + 1 &&
	       !(child_usage(c, &c->in, &usage) && usage.packets);
}

/* The peer has it, and nothing that is under way ends it, or puts another one in its place, whose nonce may be any. */
static bool is_steady(const struct child *c)
{
	const struct ike_sa *sa = c->ike;

	return sa->state == IKE_UP && !sa->leaves && !child_is_unheard(c) && !task_find(sa, TASK_DELETE_CHILD, c) &&
	       !(sa->running && sa->running->child == c) && !child_is_taking_over(c) && !redundant_may_be(sa);
}

/* If nothing has come by its IKE SA since c was made, that may be gone for the peer, which then has c alone. */
static bool is_there_for_both(const struct child *other, const struct child *c)
{
	return other->ike == c->ike || liveness_silence_ms(other->ike) < engine_now(c->engine) - c->made_ms;
}

/*
 * Both ends began at once, and there are two for the same: the one with the lower nonce is let go, as after a rekey by
 * both (RFC 7296 section 2.8.1). When they were made is not the same for both ends, and each would let go of the other.
 */
static bool is_superfluous(const struct child *c)
{
	const struct child *other;

	TAILQ_FOREACH(other, &c->peer->children, of_peer)
		if (is_higher(other, c) && is_steady(other) && is_there_for_both(other, c))
			return true;
	return false;
}

bool child_rekey(struct child *c)
{
	if (c->state != CHILD_UP || c->ike->state != IKE_UP)
		return false;
	/* What it is to replace would come up again at the other end, until that is deleted, too. */
	if (is_superfluous(c) && !child_is_taking_over(c)) {
		child_delete(c, 0);
		return true;
	}
	return child_queue(c, TASK_REKEY_CHILD);
}

/* Without memory for the task it is tried again. */
static void rekey(struct child *c)
{
	if (!child_rekey(c) && c->state == CHILD_UP && c->ike->state == IKE_UP)
		timer_set(&c->engine->timers, &c->soft, engine_now(c->engine) + NO_MEMORY_MS);
}

static unsigned count_higher(const struct child *c)
{
	const struct child *other;
	unsigned n = 0;

	TAILQ_FOREACH(other, &c->peer->children, of_peer)
		n += is_higher(other, c);
	return n;
}

void child_thin_out(const struct child *newest)
{
	struct engine *e = newest->engine;
	struct child *c;

	TAILQ_FOREACH(c, &newest->peer->children, of_peer)
		if (c->state == CHILD_UP && child_is_alike(c, newest) && count_higher(c) > 1)
			timer_set(&e->timers, &c->soft, engine_now(e) + THIRD_MS);
}

void child_delete(struct child *c, uint64_t ms)
{
	struct engine *e = c->engine;
	struct task *task = child_queue(c, TASK_DELETE_CHILD);

	if (!task) {
		timer_set(&e->timers, &c->hard, engine_now(e) + ms + NO_MEMORY_MS);
		return;
	}
	task_delay(c->ike, task, ms);
	ike_sa_kick(c->ike, task->not_before_ms);
}

void child_on_soft(struct timer *timer)
{
	rekey(container_of(timer, struct child, soft));
}

void child_on_hard(struct timer *timer)
{
	struct child *c = container_of(timer, struct child, hard);

	if (c->state == CHILD_UP)
		peer_failure(c->peer, FAILED, 0, "a child SA could not be rekeyed in its time: deleted");
	if (c->ike && c->state != CHILD_DELETING)
		child_delete(c, 0);
}

void child_on_limit(struct child *c, bool hard)
{
	if (c->state != CHILD_UP)
		return;
	child_log(c,
		  hard ? "hard limit reached: nothing is carried until it is rekeyed" : "soft limit reached: rekeyed");
	rekey(c);
}
