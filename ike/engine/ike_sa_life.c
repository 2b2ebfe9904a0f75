/* SPDX-License-Identifier: BSD-2-Clause */
#include "ike_sa_life.h"

#include "ike_sa_delete.h"
#include "ike_sa_end.h"
#include "liveness.h"
#include "task.h"

/* The end comes that much after the rekey was due: time for it to be tried again. Percent of its time. */
#define LIFE_AFTER_REKEY 15
/* The side that made it rekeys first; the other one only if it does not. Percent. */
#define REKEY_JITTER	    10
#define REKEY_RESPONDER_LAG 8

/* None comes twice (RFC 7296 section 2.2), so new keys, with which they begin anew, come before they end. */
#define MESSAGE_ID_SOFT (UINT32_MAX - (1U << 16))

static uint64_t life_ms(const struct ike_sa *sa)
{
	return sa->peer->connection->config->ike_rekey_ms;
}

static void on_rekey_time(struct ike_sa *sa)
{
	if (!task_find(sa, TASK_REKEY_IKE, NULL))
		task_queue(sa, TASK_REKEY_IKE);
	timer_set(&sa->engine->timers, &sa->life,
		  engine_now(sa->engine) + life_ms(sa) * LIFE_AFTER_REKEY / 100 + 30000);
}

void ike_sa_on_life(struct timer *timer)
{
	struct ike_sa *sa = container_of(timer, struct ike_sa, life);

	if (ike_sa_delete_again(sa))
		return;
	if (sa->state != IKE_UP) {
		ike_sa_die(sa, NULL);
	} else if (!sa->rekey_due) {
		sa->rekey_due = true;
		on_rekey_time(sa);
	} else {
		ike_sa_die(sa, "could not be rekeyed in its time: ended");
	}
}

void ike_sa_count_messages(struct ike_sa *sa)
{
	const uint32_t next = sa->next_id > sa->expected_id ? sa->next_id : sa->expected_id;

	if (next < MESSAGE_ID_SOFT || sa->state == IKE_DEAD)
		return;
	if (next == UINT32_MAX)
		ike_sa_die(sa, "has no Message ID left: ended");
	else if (sa->state == IKE_UP && !sa->rekey_due)
		timer_set(&sa->engine->timers, &sa->life, engine_now(sa->engine));
}

void ike_sa_start_timers(struct ike_sa *sa)
{
	struct engine *e = sa->engine;
	const uint64_t now = engine_now(e), rekey = life_ms(sa);
	const uint64_t lag = sa->initiator ? rekey * REKEY_RESPONDER_LAG / 100 : 0;

	if (rekey)
		timer_set(&e->timers, &sa->life, now + engine_jitter(e, rekey - lag, sa->initiator ? REKEY_JITTER : 2));
	else
		timer_cancel(&e->timers, &sa->life);
	liveness_start(sa);
}
