/* SPDX-License-Identifier: BSD-2-Clause */
#include "request.h"

#include <errno.h>
#include <stdio.h>

#include "claim.h"
#include "doubt.h"
#include "exchange.h"
#include "ike_sa_end.h"
#include "wish.h"
#include "peer.h"

/*
 * Sent at 0, 0.5, 1.5, 3.5, 7.5 and 15.5 s, given up at 23.5 s: a link that flaps for ten seconds is survived, and a
 * peer that is gone is known to be soon enough for trap or initiate to begin anew.
 */
#define RETRANSMIT_FIRST_MS 500
#define RETRANSMIT_MAX_MS   8000
#define RETRANSMIT_TRIES    6
/* A DELETE that could not be written is written then. */
#define UNSENT_MS 1000
/* So that a thousand peers that lost the same packet don't come back together. Percent. */
#define RETRANSMIT_JITTER 20

static uint64_t retransmit_delay(struct ike_sa *sa)
{
	uint64_t delay = (uint64_t)RETRANSMIT_FIRST_MS << sa->tries;

	if (delay > RETRANSMIT_MAX_MS)
		delay = RETRANSMIT_MAX_MS;
	return engine_jitter(sa->engine, delay, RETRANSMIT_JITTER);
}

static void send_and_wait(struct ike_sa *sa)
{
	flight_send(sa, &sa->sent);
	timer_set(&sa->engine->timers, &sa->retransmit, engine_now(sa->engine) + retransmit_delay(sa));
	sa->tries++;
}

static int send_request(struct ike_sa *sa)
{
	const struct task_row *row = task_row(sa->running->kind);
	const struct ike_header h = ike_request_header(sa, row->exchange);
	struct body *b = &sa->engine->body;
	int err;

	flight_free(&sa->sent);
	sa->tries = 0;
	body_init(b);
	err = row->ask(sa, sa->running, b);
	if (!err)
		err = row->exchange == EXCHANGE_IKE_SA_INIT
			      ? flight_clear(&sa->sent, &h, b)
			      : flight_seal(&sa->sent, &h, b, ike_key_out(sa), sa->fragmentation ? DATAGRAM_MAX : 0);
	explicit_bzero(b->data, b->w.size);
	if (!err)
		send_and_wait(sa);
	return err;
}

/* The first whose time has come; else when that will be. */
static struct task *next_task(struct ike_sa *sa, uint64_t now, uint64_t *when)
{
	struct task *task;

	*when = UINT64_MAX;
	TAILQ_FOREACH(task, &sa->tasks, of_sa) {
		if (task->not_before_ms <= now)
			return task;
		if (task->not_before_ms < *when)
			*when = task->not_before_ms;
	}
	return NULL;
}

static bool may_be_sent(const struct ike_sa *sa, const struct task *task)
{
	return task_row(task->kind)->states & 1U << sa->state;
}

/* It could not be written, for want of memory, randomness or a key; the reason is logged where it was found. What is to
 * go must go: that is tried again. */
static void drop_unsent(struct ike_sa *sa, int err)
{
	const struct task *task = sa->running;

	if (err != -ECANCELED && (task->kind == TASK_DELETE_CHILD || task->kind == TASK_DELETE_IKE)) {
		task_put_back(sa, UNSENT_MS);
		return;
	}
	task_drop_running(sa);
	if (sa->state < IKE_UP)
		ike_sa_die(sa, err == -ECANCELED ? NULL : "the next message could not be made");
}

void request_send_next(struct ike_sa *sa)
{
	uint64_t when;

	while (!sa->running && sa->state != IKE_DEAD && !claim_must_wait(sa)) {
		struct task *task = next_task(sa, engine_now(sa->engine), &when);
		int err;

		if (!task) {
			if (when != UINT64_MAX)
				ike_sa_kick(sa, when);
			return;
		}
		TAILQ_REMOVE(&sa->tasks, task, of_sa);
		sa->running = task;
		err = may_be_sent(sa, task) ? send_request(sa) : -ECANCELED;
		if (err)
			drop_unsent(sa, err);
	}
}

/* ---- refused ---- */

static void ask_later(struct ike_sa *sa, const struct task *task, uint64_t ms)
{
	task_retry(sa, task_queue_again(sa, task), ms);
}

void request_refused(struct ike_sa *sa, uint16_t error)
{
	struct task *task = sa->running;
	const struct task_row *row = task_row(task->kind);
	char why[160];

	if (row->on_refusal)
		error = row->on_refusal(sa, task, error);
	if (!error)
		return;
	snprintf(why, sizeof(why), "the peer refuses %s: %s", row->what, notify_name(error));
	if (row->refusal == REFUSAL_ENDS_IKE_SA) {
		ike_sa_die(sa, why);
		return;
	}
	if (error == TEMPORARY_FAILURE) {
		ask_later(sa, task, TEMPORARY_MS);
		return;
	}
	ike_log(sa, "%s", why);
	if (row->refusal == REFUSAL_FAILS)
		peer_on_failure(task->peer, why);
	else
		ask_later(sa, task, REFUSED_MS);
}

/* ---- no answer ---- */

static void give_up(struct ike_sa *sa)
{
	char why[160];

	snprintf(why, sizeof(why), "no answer to %s after %u tries", task_name(sa->running->kind), sa->tries);
	if (sa->state == IKE_DELETING || sa->state == IKE_REPLACED)
		ike_sa_die(sa, NULL);
	else
		ike_sa_die(sa, why);
}

static void ask_again(struct ike_sa *sa)
{
	send_and_wait(sa);
	if (sa->tries == DOUBT_TRIES + 1 && sa->state == IKE_UP)
		doubt_try(sa->peer, sa);
}

void request_on_retransmit(struct timer *timer)
{
	struct ike_sa *sa = container_of(timer, struct ike_sa, retransmit);

	/* It said no, in the clear: what is true of it is known by now, since nothing better came. */
	if (sa->state == IKE_INIT_SENT && sa->handshake->error)
		request_refused(sa, sa->handshake->error);
	else if (sa->tries < RETRANSMIT_TRIES)
		ask_again(sa);
	else
		give_up(sa);
}
