/* SPDX-License-Identifier: BSD-2-Clause */
#include "tick.h"

#include "adopt.h"
#include "carry.h"
#include "child_life.h"
#include "doubt.h"
#include "expiry.h"
#include "ike_sa_life.h"
#include "liveness.h"
#include "peer_sas.h"
#include "reauth.h"
#include "request.h"
#include "wish.h"

/* Something is to be done: the next task, or the end. */
static void on_kick(struct timer *timer)
{
	struct ike_sa *sa = container_of(timer, struct ike_sa, kick);

	if (sa->state == IKE_DEAD)
		mortal_end(&sa->engine->ending, &sa->mortal);
	else
		request_send_next(sa);
}

static void on_retry(struct timer *timer)
{
	struct peer *p = container_of(timer, struct peer, retry);
	const struct ike_sa *doubtful = peer_doubtful(p);

	if (doubtful)
		doubt_try(p, doubtful);
	peer_pursue(p);
}

static void (*const fire[TIMER_KINDS])(struct timer *timer) = {
	[TIMER_ENGINE_DAY] = expiry_on_day,
	[TIMER_ENGINE_OPENING] = wish_next_opening,
	[TIMER_CONNECTION_BEGIN] = wish_begin_on_time,
	[TIMER_PEER_RETRY] = on_retry,
	[TIMER_PEER_ORPHANS] = orphans_on_time,
	[TIMER_IKE_RETRANSMIT] = request_on_retransmit,
	[TIMER_IKE_KICK] = on_kick,
	[TIMER_IKE_LIFE] = ike_sa_on_life,
	[TIMER_IKE_LIVENESS] = liveness_on_time,
	[TIMER_IKE_REAUTH] = reauth_on_time,
	[TIMER_CHILD_SOFT] = child_on_soft,
	[TIMER_CHILD_HARD] = child_on_hard,
	[TIMER_CHILD_WATCH] = child_on_watch,
};

/* Each is once set off before it is called: it may set itself and others again. */
void tick_timers(struct engine *e)
{
	const uint64_t now = engine_now(e);
	struct timer *timer;

	while ((timer = timers_take_due(&e->timers, now)))
		fire[timer->kind](timer);
}
