/* SPDX-License-Identifier: BSD-2-Clause */
#include "move.h"

#include "ike_sa_delete.h"
#include "peer_sas.h"
#include "proven.h"
#include "task.h"
#include "wish.h"

/* Then children that have not moved will not. */
#define MOVE_MS 30000
/* What the worker has still got for the old one leaves before its DELETE. */
#define DELETE_DELAY_MS 300

static bool is_superseded(const struct ike_sa *old, const struct ike_sa *sa)
{
	return old->state == IKE_UP && old->proven && old->proven->made_ms < sa->started_ms;
}

static struct ike_sa *next_superseded(const struct ike_sa *sa, struct ike_sa *after)
{
	while ((after = ike_sa_beside(sa, after)))
		if (is_superseded(after, sa))
			return after;
	return NULL;
}

static bool moves_elsewhere(const struct child *c, const struct ike_sa *sa)
{
	return c->peer != sa->peer || c->peer->no_pfs;
}

/* Another one carries the same by now: of the new IKE SA, or of any that stays. */
static bool has_moved(const struct child *c, const struct ike_sa *sa)
{
	const struct child *other;

	TAILQ_FOREACH(other, &c->peer->children, of_peer)
		if (other->state == CHILD_UP && !other->lane && other->out.state == HALF_INSTALLED &&
		    selector_equal(&other->selector, &c->selector) &&
		    (other->ike == sa || (moves_elsewhere(c, sa) && !is_superseded(other->ike, sa))))
			return true;
	return false;
}

/* Who is refused would be refused again. */
static bool is_first_time(uint32_t *asked, int selector)
{
	const uint32_t bit = 1U << selector;
	const bool first = !(*asked & bit);

	*asked |= bit;
	return first;
}

static void ask_here(struct ike_sa *sa, int selector)
{
	struct task *task = task_queue(sa, TASK_CHILD);

	if (task)
		task->selector = (unsigned)selector;
}

static void ask_elsewhere(struct peer *p, int selector)
{
	p->wanted |= 1U << selector;
	peer_pursue(p);
}

/* Another connection, and a peer that makes but one child on each IKE SA (peer.h), sees itself to how it gets it. */
static void ask_for(struct ike_sa *sa, const struct child *c)
{
	const int i = peer_selector_of(c);

	if (i < 0)
		return;
	if (c->peer != sa->peer) {
		if (!sa->others_asked)
			ask_elsewhere(c->peer, i);
	} else if (c->peer->no_pfs) {
		if (is_first_time(&sa->asked_elsewhere, i))
			ask_elsewhere(c->peer, i);
	} else if (is_first_time(&sa->asked, i)) {
		ask_here(sa, i);
	}
}

/* Whether all that is to go has moved. */
static bool move_children(struct ike_sa *sa)
{
	struct ike_sa *old = NULL;
	bool moved = true;

	while ((old = next_superseded(sa, old))) {
		const struct child *c;

		TAILQ_FOREACH(c, &old->children, of_list) {
			if (c->state != CHILD_UP || has_moved(c, sa))
				continue;
			moved = false;
			ask_for(sa, c);
		}
	}
	sa->others_asked = true;
	return moved;
}

static void retire(struct ike_sa *old)
{
	ike_log(old, "the peer has proven itself anew: replaced");
	task_drop_all(old, false);
	timer_cancel(&old->engine->timers, &old->reauth);
	ike_sa_delete(old, DELETE_DELAY_MS);
}

/* What has not moved stays where it is, and so the old one does; unless it may not. */
static void give_up(struct ike_sa *sa)
{
	struct ike_sa *old = NULL;

	while ((old = next_superseded(sa, old)))
		if (old->proven->rejected)
			return;
	ike_log(sa, "the peer has proven itself anew, but refuses what it had before: the old IKE SA stays");
	ike_sa_delete(sa, 0);
}

void move_go_on(struct ike_sa *sa)
{
	const bool moved = move_children(sa);
	struct ike_sa *old = NULL;

	if (!moved && engine_now(sa->engine) < sa->up_ms + MOVE_MS)
		return;
	sa->moves = false;
	if (!moved) {
		give_up(sa);
		return;
	}
	while ((old = next_superseded(sa, old)))
		if (!old->leaves)
			retire(old);
}

bool move_is_under_way(const struct ike_sa *sa)
{
	const struct ike_sa *other = NULL;

	while ((other = ike_sa_beside(sa, other)))
		if (other->moves && other->state != IKE_DEAD)
			return true;
	return false;
}
