/* SPDX-License-Identifier: BSD-2-Clause */
#include "reauth.h"

#include <errno.h>
#include <stdlib.h>

#include "child_life.h"
#include "ike_sa_delete.h"
#include "ike_sa_end.h"
#include "move.h"
#include "open.h"
#include "peer_sas.h"
#include "task.h"

/* Who began the IKE SA goes first; the other one only if it does not. Percent. */
#define JITTER		 10
#define RESPONDER_JITTER 2
#define LAG		 8
/* The end comes that much after reauth-time: time for it to be tried again. */
#define END_PERCENT 15
#define END_MS	    30000
/* So long before a certificate expires the peer is asked for a newer one; a tenth of what is left, if that is less. */
#define BEFORE_EXPIRY_S 3600
#define BEFORE_PERCENT	10
#define RETRY_MS	60000
#define RETRY_JITTER	25
/* So long a peer that is not accepted any more may take to prove itself by another certificate. */
#define REJECTED_MS 30000
/* Two IKE SAs that come up within HALF_OPEN_MS of each other look as if both ends had begun at once (redundant.c), and
 * one is ended. */
#define SETTLED_MS (HALF_OPEN_MS + 1000)
/* The wall clock may be set: it is looked at that often. */
#define CLOCK_MS 300000
/* How soon it is seen that a child has moved, or that an attempt has failed. */
#define LOOK_MS 100
/* A thousand peers do not prove themselves at once. */
#define APART_MS 5

static int64_t wall_of(const struct engine *e)
{
	return e->ops.wall_s(e->ops.arg);
}

/* ---- proofs ---- */

static uint64_t due_in(const struct ike_sa *sa)
{
	const uint64_t time = ike_sa_config(sa)->reauth_ms;

	return sa->initiator ? engine_jitter(sa->engine, time - time * LAG / 100, JITTER)
			     : engine_jitter(sa->engine, time, RESPONDER_JITTER);
}

/* By which time of the wall clock it had better prove itself by newer certificates. */
static void set_ask(struct proven *proven, int64_t wall)
{
	const int64_t left = proven->certs.until - wall, before = left * BEFORE_PERCENT / 100;

	proven->ask_s = proven->certs.until - (before < BEFORE_EXPIRY_S ? before : BEFORE_EXPIRY_S);
}

bool reauth_is_rejected(const struct ike_sa *sa)
{
	return sa->proven && sa->proven->rejected;
}

bool reauth_proven(struct ike_sa *sa, struct peer_certs *certs)
{
	struct proven *proven = calloc(1, sizeof(*proven));
	const uint64_t now = engine_now(sa->engine);

	if (!proven)
		return false;
	*proven = (struct proven){.users = 1, .certs = *certs, .made_ms = now, .due_ms = UINT64_MAX};
	*certs = (struct peer_certs){0};
	if (proven->certs.der)
		set_ask(proven, wall_of(sa->engine));
	if (ike_sa_config(sa)->reauth_ms)
		proven->due_ms = now + due_in(sa);
	proven_drop(sa->proven);
	sa->proven = proven;
	return true;
}

void reauth_inherit(struct ike_sa *heir, const struct ike_sa *old)
{
	heir->proven = old->proven;
	if (!heir->proven)
		return;
	heir->proven->users++;
	timer_set(&heir->engine->timers, &heir->reauth, engine_now(heir->engine));
}

void reauth_on_up(struct ike_sa *sa)
{
	struct peer_certs none = {0};

	/* Without memory for it the IKE SA is as good as without reauth-time. */
	if (sa->proven || reauth_proven(sa, &none))
		timer_set(&sa->engine->timers, &sa->reauth, engine_now(sa->engine));
}

/* What the peer has proven itself with, by the files as they are now. */
static void judge_again(struct ike_sa *sa)
{
	struct proven *proven = sa->proven;
	const int64_t wall = wall_of(sa->engine), until = proven->certs.until;
	struct fault f;
	int err = peer_certs_verify(&proven->certs, ike_sa_config(sa)->trust, wall, &f);

	proven->unjudged = err == -ENOMEM;
	if (proven->unjudged)
		return;
	if (proven->certs.until != until)
		set_ask(proven, wall);
	if (err && !proven->rejected)
		ike_log(sa, "%s", f.text);
	if (!proven->rejected)
		proven->tried_ms = 0;
	proven->rejected = err != 0;
	if (err)
		proven->again_ms = 0;
}

/* ---- asking for a new proof ---- */

/* Why it has to, or NULL. */
static const char *reason_to_ask(const struct ike_sa *sa)
{
	const struct proven *proven = sa->proven;
	const uint64_t now = engine_now(sa->engine);

	if (now < proven->again_ms)
		return NULL;
	if (proven->rejected)
		return "CA or CRL are others, and its certificate does not hold by them";
	if (now < sa->up_ms + SETTLED_MS)
		return NULL;
	if (proven->outdated)
		return "our certificate is a new one";
	if (now >= proven->due_ms)
		return "reauth-time has passed";
	return proven->certs.der && wall_of(sa->engine) >= proven->ask_s ? "its certificate is about to expire" : NULL;
}

static const struct child *first_child(const struct ike_sa *sa)
{
	const struct child *c;

	TAILQ_FOREACH(c, &sa->children, of_list)
		if (c->state == CHILD_UP && child_is_wanted(c) && peer_selector_of(c) >= 0)
			return c;
	return NULL;
}

/* One without a child carries nothing: whoever wants one begins from scratch anyhow. */
static void ask(struct ike_sa *sa, const char *why)
{
	struct proven *proven = sa->proven;
	const struct child *c = first_child(sa);
	struct ike_sa *anew;
	unsigned i;

	proven->again_ms = engine_now(sa->engine) + engine_jitter(sa->engine, RETRY_MS, RETRY_JITTER);
	if (!proven->tried_ms)
		proven->tried_ms = engine_now(sa->engine);
	if (move_is_under_way(sa) || (c && c->peer->address_gone))
		return;
	ike_log(sa, "the peer is to prove itself anew: %s", why);
	if (!c) {
		ike_sa_delete(sa, 0);
		return;
	}
	i = (unsigned)peer_selector_of(c);
	anew = peer_open(c->peer, i);
	if (!anew)
		return;
	anew->moves = true;
	anew->asked = 1U << i;
}

/* ---- the end of those that have not ---- */

/* Of the time that reauth-time gives. */
static uint64_t end_of(const struct ike_sa *sa)
{
	const uint64_t settled = sa->proven->made_ms + SETTLED_MS, due = sa->proven->due_ms;

	if (due == UINT64_MAX)
		return due;
	return (due > settled ? due : settled) + ike_sa_config(sa)->reauth_ms * END_PERCENT / 100 + END_MS;
}

/* Once it was asked for another proof, and while none may come of that: it may only seem so, by cookie after cookie. */
static bool is_at_end_rejected(const struct ike_sa *sa)
{
	const struct proven *proven = sa->proven;

	return proven->rejected && proven->tried_ms &&
	       (!move_is_under_way(sa) || engine_now(sa->engine) >= proven->tried_ms + REJECTED_MS);
}

/* Why it is at its end, or NULL. */
static const char *reason_to_end(const struct ike_sa *sa)
{
	const struct proven *proven = sa->proven;

	if (proven->certs.der && wall_of(sa->engine) > proven->certs.until)
		return "ended: the peer's certificate has expired, and it has not proven itself by another";
	if (is_at_end_rejected(sa))
		return "ended: the peer's certificate is not accepted any more, and it has not proven itself by "
		       "another";
	if (engine_now(sa->engine) >= end_of(sa))
		return "ended: the peer has not proven itself anew within reauth-time";
	return NULL;
}

/* At once: what is not proven any more carries nothing while a DELETE is on its way. */
static void end(struct ike_sa *sa, const char *why)
{
	ike_sa_say_good_bye(sa);
	ike_sa_die(sa, why);
}

/* ---- time ---- */

static void earlier(uint64_t *at, uint64_t other)
{
	if (other < *at)
		*at = other;
}

static uint64_t at_wall(const struct engine *e, int64_t wall)
{
	const int64_t left = wall - wall_of(e);

	return engine_now(e) + (left > 0 ? (uint64_t)left * 1000 : 0);
}

static uint64_t next_look(const struct ike_sa *sa)
{
	const struct proven *proven = sa->proven;
	const uint64_t now = engine_now(sa->engine);
	uint64_t at = UINT64_MAX;

	if (sa->moves || proven->rejected || proven->unjudged)
		return now + LOOK_MS;
	if (proven->outdated)
		earlier(&at, sa->up_ms + SETTLED_MS);
	if (proven->due_ms != UINT64_MAX)
		earlier(&at, proven->due_ms);
	if (proven->certs.der) {
		earlier(&at, at_wall(sa->engine, proven->ask_s));
		earlier(&at, now + CLOCK_MS);
	}
	if (at == UINT64_MAX)
		return at;
	/* What is due now has just been asked for: again later, but not after the end. */
	if (at < proven->again_ms)
		at = proven->again_ms;
	if (at < sa->up_ms + SETTLED_MS)
		at = sa->up_ms + SETTLED_MS;
	earlier(&at, end_of(sa));
	if (proven->certs.der)
		earlier(&at, at_wall(sa->engine, proven->certs.until + 1));
	return at > now ? at : now + LOOK_MS;
}

void reauth_on_time(struct timer *timer)
{
	struct ike_sa *sa = container_of(timer, struct ike_sa, reauth);
	const char *why;
	uint64_t at;

	if (sa->state != IKE_UP)
		return;
	if (sa->proven->unjudged)
		judge_again(sa);
	why = reason_to_end(sa);
	if (why) {
		end(sa, why);
		return;
	}
	if (sa->moves && !sa->leaves)
		move_go_on(sa);
	/* One that leaves may have to wait for its DELETE, or stay after all. */
	why = sa->moves || sa->leaves ? NULL : reason_to_ask(sa);
	if (why)
		ask(sa, why);
	at = next_look(sa);
	if (at != UINT64_MAX)
		timer_set(&sa->engine->timers, timer, at);
}

void reauth_times(const struct ike_sa *sa, int64_t *due_s, int64_t *expires_s)
{
	const struct proven *proven = sa->proven;
	const uint64_t now = engine_now(sa->engine);

	*due_s = *expires_s = -1;
	if (proven && proven->due_ms != UINT64_MAX)
		*due_s = proven->due_ms > now ? (int64_t)((proven->due_ms - now) / 1000) : 0;
	if (proven && proven->certs.der) {
		*expires_s = proven->certs.until - wall_of(sa->engine);
		if (*expires_s < 0)
			*expires_s = 0;
	}
}

/* ---- files that were renewed ---- */

static void renewed(struct ike_sa *sa, bool own, uint64_t at)
{
	if (sa->proven->certs.der)
		judge_again(sa);
	if (own) {
		sa->proven->outdated = true;
		sa->proven->again_ms = at;
	}
	timer_set(&sa->engine->timers, &sa->reauth, at);
}

/* Whether the peer of that IKE SA is one for the connection, too, whose files may be others than the IKE SA's. */
static bool holds_for(struct ike_sa *sa, const struct connection *c, struct fault *f)
{
	struct peer_certs *certs = sa->proven ? &sa->proven->certs : NULL;
	int64_t until;
	int err;

	if (!certs || !certs->der)
		return true;
	until = certs->until;
	err = peer_certs_verify(certs, c->config->trust, wall_of(sa->engine), f);
	certs->until = until;
	return err == 0;
}

/* A rekey that is asked for, or comes, before it is deleted makes no heir of it. */
static void end_line(struct child *child)
{
	struct task *rekey = task_find(child->ike, TASK_REKEY_CHILD, child);

	child->era = child->peer->era - 1;
	if (rekey)
		rekey->era = child->era;
	child_delete(child, 0);
}

/* Its children on IKE SAs of others (choice.h) were taken when the proof was the same to the letter. */
static void judge_children_elsewhere(struct peer *p)
{
	struct child *child;
	struct fault f;

	TAILQ_FOREACH(child, &p->children, of_peer)
		if (child->ike->peer != p && child->state == CHILD_UP && !holds_for(child->ike, p->connection, &f)) {
			child_log(child, f.text);
			end_line(child);
		}
}

void reauth_renewed(struct connection *c, bool own)
{
	uint64_t at = engine_now(c->engine);
	struct peer *p;
	struct ike_sa *sa;

	TAILQ_FOREACH(p, &c->peers, of_connection) {
		TAILQ_FOREACH(sa, &p->sas, of_peer)
			if (sa->state == IKE_UP && sa->proven)
				renewed(sa, own, at += APART_MS);
		judge_children_elsewhere(p);
	}
}
