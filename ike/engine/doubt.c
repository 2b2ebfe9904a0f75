/* SPDX-License-Identifier: BSD-2-Clause */
#include "doubt.h"

#include "ike_sa_delete.h"
#include "ike_sa_end.h"
#include "open.h"
#include "opening.h"
#include "peer_sas.h"
#include "task.h"

/* So much later the other ones go, if it is without a child, which is asked for next (childless.h). */
#define CHILDLESS_MS 1000
/* Until there is room for another one to be opened; less up to half. */
#define ROOM_MS	    1000
#define ROOM_JITTER 50

static bool has_another(const struct peer *p, const struct ike_sa *sa)
{
	const struct ike_sa *other;

	TAILQ_FOREACH(other, &p->sas, of_peer)
		if (other != sa && other->state == IKE_UP && !ike_sa_is_doubtful(other))
			return true;
	return false;
}

/* Where a hub starts anew, all of its peers are in doubt within an interval: who has many of them lets them take turns,
 * too. */
static bool is_room(struct peer *p)
{
	struct engine *e = p->connection->engine;

	if (!opening_is_full(e))
		return true;
	if (!timer_is_set(&p->retry))
		timer_set(&e->timers, &p->retry, engine_now(e) + engine_jitter(e, ROOM_MS, ROOM_JITTER));
	return false;
}

/* Nobody is asked who would not be without it: where nothing is to be up always, something must want to leave. */
void doubt_try(struct peer *p, const struct ike_sa *sa)
{
	const struct child *c = TAILQ_FIRST(&sa->children);
	const int selector = c && c->peer == p ? peer_selector_of(c) : 0;
	struct ike_sa *other;

	if (!peer_may_connect(p) || !ike_sa_is_wanted(sa) || p->connection->config->start == START_RESPOND ||
	    !(peer_is_kept_up(p) || sa->sends) || peer_is_under_way(p) || has_another(p, sa) || selector < 0 ||
	    !is_room(p))
		return;
	ike_log(sa, "the peer does not answer: another IKE SA is tried");
	other = peer_open(p, (unsigned)selector);
	if (!other)
		return;
	other->in_doubt = true;
	opening_begin(other);
}

void doubt_drop(struct peer *p)
{
	struct ike_sa *sa;

	TAILQ_FOREACH(sa, &p->sas, of_peer)
		if (sa->in_doubt && sa->state == IKE_INIT_SENT)
			ike_sa_die(sa, NULL);
}

void doubt_settle(struct ike_sa *sa)
{
	struct ike_sa *other;

	TAILQ_FOREACH(other, &sa->peer->sas, of_peer) {
		if (other->state != IKE_UP || other->line.up_ms > sa->started_ms)
			continue;
		if (other->running)
			ike_sa_forgotten(other, "the peer answers by another one, and not by this one: ended");
		else
			ike_sa_delete(other, TAILQ_EMPTY(&sa->children) ? CHILDLESS_MS : 0);
	}
	sa->in_doubt = false;
}
