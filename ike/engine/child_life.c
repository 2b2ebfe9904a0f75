/* SPDX-License-Identifier: BSD-2-Clause */
#include "child_life.h"

#include <string.h>

#include "ike_sa.h"
#include "peer.h"
#include "task.h"

/* What could not be queued is tried again then. */
#define NO_MEMORY_MS 1000

/*
 * Both ends began at once, and there are two for the same: the one with the lower nonce is let go, as after a rekey by
 * both (RFC 7296 section 2.8.1). When they were made is not the same for both ends, and each would let go of the other.
 */
static bool is_superfluous(const struct child *c)
{
	const struct child *other;

	TAILQ_FOREACH(other, &c->peer->children, of_peer)
		if (other != c && other->state == CHILD_UP && other->ike->state == IKE_UP &&
		    !task_find(other->ike, TASK_DELETE_IKE, NULL) && selector_equal(&other->selector, &c->selector) &&
		    memcmp(c->low_nonce, other->low_nonce, NONCE_SIZE) < 0)
			return true;
	return false;
}

static void rekey(struct child *c)
{
	if (!c->ike || c->state != CHILD_UP || c->ike->state != IKE_UP)
		return;
	if (is_superfluous(c))
		child_delete(c, 0);
	else if (!child_queue(c, TASK_REKEY_CHILD))
		timer_set(&c->engine->timers, &c->soft, engine_now(c->engine) + NO_MEMORY_MS);
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
		child_log(c, "could not be rekeyed in its time: deleted");
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
