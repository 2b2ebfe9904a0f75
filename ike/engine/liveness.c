/* SPDX-License-Identifier: BSD-2-Clause */
#include "liveness.h"

#include "child.h"
#include "peer.h"
#include "task.h"

/* Whether something leaves and nothing comes is looked at so often in dpd-interval. */
#define LOOKS 3
/*
 * Percent. What came up together is not asked together: not for the first time, which is some time in the first
 * interval for who has opened, and later for the other end, which is heard by then; and each time after that they come
 * further apart.
 */
#define FIRST_JITTER	 70
#define RESPONDER_JITTER 10
#define ASK_JITTER	 25
/* A peer that was heard so lately is not asked because of what may be forged. */
#define HINT_SILENCE_MS 500

uint64_t liveness_silence_ms(const struct ike_sa *sa)
{
	uint64_t silence = engine_now(sa->engine) - sa->heard_ms;
	const struct child *c;

	TAILQ_FOREACH(c, &sa->children, of_list) {
		const uint64_t idle = child_idle_ms(c);

		if (idle < silence)
			silence = idle;
	}
	return silence;
}

/* Whether anything has left on its children since the last look. */
static bool look_at_sent(struct ike_sa *sa)
{
	uint64_t carried = 0;
	const struct child *c;

	TAILQ_FOREACH(c, &sa->children, of_list)
		carried += child_sent_packets(c);
	/* Less: a child has gone. */
	sa->sends = carried > sa->carried;
	sa->carried = carried;
	return sa->sends;
}

static uint64_t dpd_ms(const struct ike_sa *sa)
{
	return sa->peer->connection->config->dpd_ms;
}

static void probe(struct ike_sa *sa)
{
	if (sa->running || !TAILQ_EMPTY(&sa->tasks))
		return;
	sa->probed_ms = engine_now(sa->engine);
	sa->patience_ms = engine_jitter(sa->engine, dpd_ms(sa), ASK_JITTER);
	task_queue(sa, TASK_LIVENESS);
}

/* What only makes it likely asks once in an interval: who sends one way, or forges, does not have us ask more. */
static bool may_ask_sooner(const struct ike_sa *sa)
{
	return engine_now(sa->engine) - sa->probed_ms >= dpd_ms(sa);
}

void liveness_hint(struct ike_sa *sa)
{
	if (sa->state == IKE_UP && dpd_ms(sa) && liveness_silence_ms(sa) >= HINT_SILENCE_MS && may_ask_sooner(sa))
		probe(sa);
}

/*
 * After dpd-interval without a word, or somewhat less, the peer is asked whether it is there. Sooner, where something
 * leaves and nothing comes (RFC 7296 section 2.4): that is looked at several times in the interval.
 */
void liveness_on_time(struct timer *timer)
{
	struct ike_sa *sa = container_of(timer, struct ike_sa, liveness);
	const uint64_t interval = dpd_ms(sa), silence = liveness_silence_ms(sa), look = interval / LOOKS;
	uint64_t next = look;

	if (sa->state != IKE_UP || !interval)
		return;
	if ((look_at_sent(sa) && silence >= look && may_ask_sooner(sa)) || silence >= sa->patience_ms)
		probe(sa);
	if (silence < sa->patience_ms && sa->patience_ms - silence < next)
		next = sa->patience_ms - silence;
	timer_set(&sa->engine->timers, &sa->liveness, engine_now(sa->engine) + next);
}

void liveness_start(struct ike_sa *sa)
{
	struct engine *e = sa->engine;
	const uint64_t look = dpd_ms(sa) / LOOKS;

	if (!look)
		return;
	sa->patience_ms = engine_jitter(e, dpd_ms(sa), sa->initiator ? FIRST_JITTER : RESPONDER_JITTER);
	timer_set(&e->timers, &sa->liveness, engine_now(e) + (sa->patience_ms < look ? sa->patience_ms : look));
}
