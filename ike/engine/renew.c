/* SPDX-License-Identifier: BSD-2-Clause */
#include "renew.h"

#include "child_life.h"
#include "ike_sa_delete.h"
#include "open.h"
#include "peer_sas.h"
#include "task.h"

/* What the worker has still got for the old SA leaves before its DELETE. */
#define RENEWED_MS 300

static const struct task *first_task(const struct ike_sa *sa)
{
	return sa->running ? sa->running : TAILQ_FIRST(&sa->tasks);
}

/* One that is being opened for the sake of that selector. */
static bool is_renewed(const struct peer *p, unsigned selector)
{
	const struct ike_sa *sa;

	TAILQ_FOREACH(sa, &p->sas, of_peer)
		if ((sa->state == IKE_INIT_SENT || sa->state == IKE_AUTH_SENT) && first_task(sa) &&
		    first_task(sa)->selector == selector)
			return true;
	return false;
}

void renew_for(struct peer *p, unsigned selector)
{
	struct ike_sa *sa = is_renewed(p, selector) ? NULL : peer_open(p, selector);

	if (sa)
		sa->renews = true;
}

/* A newer one of another IKE SA carries the same. */
static bool is_superseded(const struct child *old)
{
	const struct child *c;

	TAILQ_FOREACH(c, &old->peer->children, of_peer)
		if (c->ike != old->ike && c->state == CHILD_UP && child_is_wanted(c) && c->made_ms > old->made_ms &&
		    c->lane == old->lane && selector_equal(&c->asked, &old->asked))
			return true;
	return false;
}

void renew_child(struct peer *p, const struct child *old)
{
	const int selector = peer_selector_of(old);

	p->no_pfs = true;
	if (selector < 0 || !peer_may_connect(p) || is_superseded(old))
		return;
	peer_log(p,
		 "the peer makes no child with a key exchange of its own (PFS): instead of each rekey a new IKE SA is "
		 "made: allow group 20 (ecp384, dh20) for ESP there");
	renew_for(p, (unsigned)selector);
}

static bool has_only_superseded(const struct ike_sa *sa)
{
	const struct child *c;

	TAILQ_FOREACH(c, &sa->children, of_list)
		if (!is_superseded(c))
			return false;
	return true;
}

/* An IKE SA that has come up since is no predecessor, but the peer's own renewal. */
void renew_done(struct peer *p, const struct child *child)
{
	struct child *c;

	TAILQ_FOREACH(c, &p->children, of_peer) {
		struct ike_sa *sa = c->ike;

		if (sa->state != IKE_UP || sa->up_ms > child->ike->started_ms || c->state != CHILD_UP ||
		    !is_superseded(c) || sa->leaves)
			continue;
		timer_cancel(&sa->engine->timers, &c->soft);
		if (has_only_superseded(sa))
			ike_sa_delete(sa, RENEWED_MS);
		else
			child_delete(c, RENEWED_MS);
	}
}

void renew_failed(struct peer *p, struct ike_sa *sa)
{
	p->no_pfs = false;
	ike_sa_delete(sa, 0);
}

/* It makes children, so it is the key exchange that it does not want. */
void renew_suggested(struct peer *p)
{
	if (peer_child_up(p, NULL))
		p->no_pfs = true;
}
