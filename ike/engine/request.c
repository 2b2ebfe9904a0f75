/* SPDX-License-Identifier: BSD-2-Clause */
#include "request.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

#include "child_payloads.h"
#include "claim.h"
#include "doubt.h"
#include "exchange.h"
#include "ike_sa_end.h"
#include "opening.h"
#include "wish.h"
#include "peer.h"

/*
 * Sent at 0, 0.5, 1.5, 3.5, 7.5 and 15.5 s, given up at 23.5 s: a link that flaps for ten seconds is survived, and a
 * peer that is gone is known to be soon enough for trap or initiate to begin anew.
 */
#define RETRANSMIT_FIRST_MS 500
#define RETRANSMIT_MAX_MS   8000
#define RETRANSMIT_TRIES    6
/* Two seconds without an answer to the first message are told. */
#define TELL_TRIES 3
/* A DELETE that could not be written is written then. */
#define UNSENT_MS 1000
/* So that a thousand peers that lost the same packet don't come back together. Percent. */
#define RETRANSMIT_JITTER 20

/* Not before a host that has much to do has had the time that it lately took: what is sent again it has to look at,
 * too. */
static uint64_t retransmit_delay(struct ike_sa *sa)
{
	const uint64_t took = sa->state < IKE_UP ? opening_took(sa->engine) : 0;
	uint64_t delay = (2 * took > RETRANSMIT_FIRST_MS ? 2 * took : RETRANSMIT_FIRST_MS) << sa->tries;

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

/* For what takes long: then engine_job_done() comes back here. */
static bool must_wait(struct ike_sa *sa, const struct task *task)
{
	const struct task_row *row = task_row(task->kind);

	return may_be_sent(sa, task) && row->foresee_ask && row->foresee_ask(sa, task);
}

/* It could not be written, for want of memory, randomness or a key. What is to go must go: that is tried again. */
static void drop_unsent(struct ike_sa *sa, int err)
{
	const struct task *task = sa->running;

	if (err != -ECANCELED && (task->kind == TASK_DELETE_CHILD || task->kind == TASK_DELETE_IKE)) {
		task_put_back(sa, UNSENT_MS);
		return;
	}
	task_drop_running(sa);
	if (sa->state >= IKE_UP)
		return;
	if (err == -EPROTONOSUPPORT)
		ike_sa_die_told(sa);
	else
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
		if (must_wait(sa, task))
			return;
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

static void why_refused(const struct task *task, const struct task_row *row, uint16_t error, char why[FAILURE_TEXT])
{
	if (row->required & HAS(PAYLOAD_TSI))
		child_why_refused(task, error, true, why);
	else
		snprintf(why, FAILURE_TEXT, "the peer refuses %s", row->what);
}

void request_refused(struct ike_sa *sa, uint16_t error)
{
	struct task *task = sa->running;
	const struct task_row *row = task_row(task->kind);
	char why[FAILURE_TEXT];

	if (row->on_refusal)
		error = row->on_refusal(sa, task, error);
	if (!error)
		return;
	why_refused(task, row, error, why);
	if (row->refusal == REFUSAL_ENDS_IKE_SA) {
		ike_sa_fail(sa, error, why);
		return;
	}
	if (error == TEMPORARY_FAILURE) {
		ask_later(sa, task, TEMPORARY_MS);
		return;
	}
	/* What is wrong with an answer is recorded where it was found. */
	if (error != NOT_AS_ASKED)
		ike_failure(sa, task->peer, FAILED, error, "%s", why);
	if (row->refusal == REFUSAL_FAILS)
		peer_on_failure(task->peer);
	else
		ask_later(sa, task, REFUSED_MS);
}

/* ---- no answer ---- */

/* Why it has not even left this host; NULL: it has, or nobody knows. The kernel has the same errno for an address that
 * is not there and a route that is not. */
static const char *unsent(int error)
{
	switch (error) {
	case EINVAL:
	case EADDRNOTAVAIL:
	case ENETUNREACH:
	case EHOSTUNREACH:
	case ENETDOWN:
		return "it cannot be sent: 'local' is not an address of this host, or there is no route, or the "
		       "interface is down: 'ip address' and 'ip route' tell";
	case EPERM:
	case EACCES:
		return "it cannot be sent: a firewall rule of this host forbids it: 'nft list ruleset' has it";
	case EAGAIN:
	case ENOBUFS:
	case ENOMEM:
		return "it cannot be sent: this host has no room for more on their way: its NIC, or neighbours that do "
		       "not answer, keep them waiting";
	default:
		return NULL;
	}
}

/* What the silence may come of, by how far it got. */
static const char *remedy(const struct ike_sa *sa)
{
	if (unsent(sa->send_error))
		return unsent(sa->send_error);
	if (sa->state == IKE_INIT_SENT)
		return "is that its address, does IKE run there, and does every firewall between let UDP port 500 "
		       "by, both ways?";
	if (sa->state == IKE_AUTH_SENT)
		return "it has answered IKE_SA_INIT, so larger datagrams may be lost on the way, or it has refused "
		       "without a word: its log says more";
	return "it is gone, or the way to it is";
}

const char *request_remedy(const struct ike_sa *sa)
{
	return sa->running && sa->tries >= TELL_TRIES ? remedy(sa) : NULL;
}

static void write_silence(const struct ike_sa *sa, const char *yet, char why[FAILURE_TEXT])
{
	char addr[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, sa->path.remote, addr, sizeof(addr));
	snprintf(why, FAILURE_TEXT, "no answer to %s from %s %s %u tries: %s", task_name(sa->running->kind), addr, yet,
		 sa->tries, remedy(sa));
}

static void give_up(struct ike_sa *sa)
{
	char why[FAILURE_TEXT];

	write_silence(sa, "after", why);
	if (sa->state == IKE_DELETING || sa->state == IKE_REPLACED)
		ike_sa_die(sa, NULL);
	else
		ike_sa_die(sa, why);
}

/* Once: who waits for it looks into the log before it is given up. */
static void tell_of_silence(struct ike_sa *sa)
{
	char why[FAILURE_TEXT];

	if (sa->tries != TELL_TRIES || sa->state >= IKE_UP || sa->peer->failures)
		return;
	write_silence(sa, "yet after", why);
	ike_log(sa, "%s", why);
}

static void ask_again(struct ike_sa *sa)
{
	opening_drags_on(sa);
	tell_of_silence(sa);
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
