/* SPDX-License-Identifier: BSD-2-Clause */
#include "redundant.h"

#include <string.h>

#include "ike_sa_delete.h"
#include "peer_sas.h"
#include "task.h"

/* Two IKE SAs that came up side by side, as both ends began at once, are made one after that. */
#define REDUNDANT_MS 1000

static bool carries(const struct ike_sa *sa, const struct selector *s)
{
	const struct child *c;

	TAILQ_FOREACH(c, &sa->children, of_list)
		if (c->state == CHILD_UP && !c->lane && selector_equal(&c->selector, s))
			return true;
	return false;
}

/* What sa carries and other does not: the next one after `after`. Children of lanes come again where they are wanted.
 */
static const struct child *next_missing(const struct ike_sa *other, const struct ike_sa *sa, const struct child *after)
{
	const struct child *c = after ? TAILQ_NEXT(after, of_list) : TAILQ_FIRST(&sa->children);

	for (; c; c = TAILQ_NEXT(c, of_list))
		if (c->state == CHILD_UP && !c->lane && child_is_wanted(c) && !carries(other, &c->selector))
			return c;
	return NULL;
}

/*
 * Both ends began at about the same time, and both IKE SAs came up. As with rekeys (RFC 7296
 * section 2.8.1) the one with the lowest nonce goes, by the hand of who began it. Both ends must
 * see it the same way, so what counts is when they came up, which is one message apart; one that
 * is older than any handshake takes is none of this. What rekeys have made of them counts as they did.
 */
static bool is_lower(const struct ike_sa *sa, const struct ike_sa *other)
{
	const uint64_t ours = sa->line.up_ms, theirs = other->line.up_ms;

	return sa->state == IKE_UP && other->state == IKE_UP && !sa->renews && !other->renews &&
	       sa->line.ours != other->line.ours && (ours > theirs ? ours - theirs : theirs - ours) < HALF_OPEN_MS &&
	       memcmp(sa->line.low_nonce, other->line.low_nonce, NONCE_SIZE) < 0;
}

/* Which connection's the two are is for each end to say. One that has something to stay for is asked for it on the
 * other one first, if at all, and that may be under way. */
bool redundant_may_be(const struct ike_sa *sa)
{
	const struct ike_sa *other = NULL;

	while ((other = ike_sa_beside(sa, other)))
		if (is_lower(sa, other) &&
		    (engine_now(sa->engine) - sa->line.up_ms < HALF_OPEN_MS || !next_missing(other, sa, NULL)))
			return true;
	return false;
}

static bool is_ours_to_end(const struct ike_sa *sa, const struct ike_sa *other)
{
	return sa->line.ours && is_lower(sa, other);
}

/* Each end may take the two for other connections', and another pair for the one that it is about. So only what the
 * other one carries, too, goes: since nonces have one order, the last to carry something never does. */
bool redundant_is(const struct ike_sa *sa)
{
	const struct ike_sa *other;

	TAILQ_FOREACH(other, &sa->peer->sas, of_peer)
		if (is_ours_to_end(sa, other) && !next_missing(other, sa, NULL))
			return true;
	return false;
}

/*
 * Whether other is there for the peer, too: our INITIAL_CONTACT on sa may have ended it, without a word, if the peer
 * read that late. What has come on it since sa is up tells; else it is asked.
 */
static bool has_survived(struct ike_sa *other, const struct ike_sa *sa)
{
	if (other->heard_ms > sa->up_ms)
		return true;
	if (!task_find(other, TASK_LIVENESS, NULL))
		task_queue(other, TASK_LIVENESS);
	return false;
}

/* -1: it cannot be asked for there. */
static int selector_on(const struct ike_sa *other, const struct child *c)
{
	return c->peer == other->peer ? peer_selector_of(c) : -1;
}

static bool all_can_be_asked_for(const struct ike_sa *other, const struct ike_sa *sa)
{
	const struct child *c = NULL;

	while ((c = next_missing(other, sa, c)))
		if (selector_on(other, c) < 0)
			return false;
	return true;
}

/* Once for each. But if sa has to stay for one of them, the others have no need of a second one. */
static void ask_for_missing(struct ike_sa *other, struct ike_sa *sa)
{
	const struct child *c = NULL;

	if (!all_can_be_asked_for(other, sa))
		return;
	while ((c = next_missing(other, sa, c))) {
		const int selector = selector_on(other, c);
		struct task *task;

		if (selector < 0 || sa->asked_beside & 1U << selector)
			continue;
		task = task_queue(other, TASK_CHILD);
		if (!task)
			return;
		task->selector = (unsigned)selector;
		sa->asked_beside |= 1U << selector;
	}
}

static void delete_redundant(struct ike_sa *sa)
{
	ike_log(sa, "redundant: the peer has opened another one at the same time");
	ike_sa_delete_redundant(sa, REDUNDANT_MS);
}

void redundant_end(struct peer *p, const struct ike_sa *alive)
{
	struct ike_sa *sa, *other;

	TAILQ_FOREACH(sa, &p->sas, of_peer) {
		TAILQ_FOREACH(other, &p->sas, of_peer) {
			if (!is_ours_to_end(sa, other) || sa->leaves || (other != alive && !has_survived(other, sa)))
				continue;
			if (next_missing(other, sa, NULL))
				ask_for_missing(other, sa);
			else
				delete_redundant(sa);
		}
	}
}
