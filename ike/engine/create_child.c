/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CREATE_CHILD_SA for children, RFC 7296 sections 1.3.1 and 1.3.3, always with group 20:
 *
 *   SK{[N(REKEY_SA),] N(USE_TRANSPORT_MODE), SA, Ni, KEi, TSi, TSr}  ─►
 *                                   ◄─  SK{N(USE_TRANSPORT_MODE), SA, Nr, KEr, TSi, TSr}
 *
 * When both ends rekey the same child at once there are two new ones; the one
 * with the lowest of the four nonces is deleted by who made it, and the old one by the other (section 2.8.1).
 */
#include "create_child.h"

#include <errno.h>
#include <stdio.h>

#include "carry.h"
#include "child_life.h"
#include "child_payloads.h"
#include "peer_sas.h"
#include "per_lane.h"
#include "reauth.h"
#include "renew.h"
#include "wish.h"

/* Who rekeys goes on sending by the new SA at once; what the worker has still got for the old one leaves before its
 * DELETE. */
#define DELETE_DELAY_MS 300
/* What the peer is to delete, it has had time to, and for each of its tries (request.c): then it has forgotten. */
#define FORGOTTEN_MS 30000
/* A child that takes over from another is rekeyed after that, which is a round trip or two from now. */
#define TAKING_OVER_MS 100
/* A child that the peer still does not know when it was asked so often, at TEMPORARY_MS, it has lost. */
#define UNKNOWN_MAX 60

/* Its DELETE is the peer's to send. */
static void await_delete(struct child *old, struct child *heir)
{
	child_succeed(old, heir);
	child_delete(old, FORGOTTEN_MS);
}

/* ---- answering ---- */

static enum verdict answer_error(struct question *q, uint16_t error)
{
	notify_write(q->answer, error, NULL, 0);
	return verdict_of(error);
}

/* Nothing is made on one that changes hands (section 2.25.2), or whose peer would not get one today. */
static bool makes_nothing(const struct ike_sa *sa)
{
	return (sa->running && sa->running->kind == TASK_REKEY_IKE) || reauth_is_rejected(sa);
}

enum verdict child_on_request(struct question *q)
{
	struct child_answer answer;

	if (makes_nothing(q->sa) || !ike_sa_is_wanted(q->sa))
		return answer_error(q, TEMPORARY_FAILURE);
	answer = child_answer_request(q->sa, q->m, true, NULL, q->answer);
	if (answer.child) {
		lane_child_made(answer.child);
		child_bind_soon(answer.child);
	}
	return verdict_of(answer.error);
}

static enum verdict answer_not_found(struct question *q, uint32_t spi)
{
	notify_write_esp(q->answer, CHILD_SA_NOT_FOUND, spi, NULL, 0);
	return VERDICT_ANSWER;
}

static void take_successor(struct ike_sa *sa, struct child *old, struct child *c)
{
	if (sa->running && sa->running->kind == TASK_REKEY_CHILD && sa->running->child == old) {
		old->rival = c;
	} else {
		/* Also if we were about to. */
		task_forget_child(sa, old);
		await_delete(old, c);
	}
	child_bind_on_use(c);
}

enum verdict rekey_child_on_request(struct question *q)
{
	struct child_answer answer;
	struct child *old;
	struct notify n;
	uint32_t spi;

	message_notify(q->m, REKEY_SA, &n);
	if (!notify_esp_spi(&n, &spi))
		return answer_error(q, INVALID_SYNTAX);
	old = child_find(q->sa, spi);
	if (!old || (old->ike != q->sa && old->ike->rival != q->sa))
		return answer_not_found(q, spi);
	if (old->ike != q->sa || old->state != CHILD_UP || child_is_taking_over(old) || !child_is_wanted(old) ||
	    makes_nothing(q->sa))
		return answer_error(q, TEMPORARY_FAILURE);
	answer = child_answer_request(q->sa, q->m, true, old, q->answer);
	if (answer.child)
		take_successor(q->sa, old, answer.child);
	else if (answer.no_pfs && !old->lane)
		renew_child(old->peer, old);
	return verdict_of(answer.error);
}

/* ---- a new one ---- */

int child_ask(struct ike_sa *sa, struct task *task, struct body *b)
{
	const struct connection_config *config = task->peer->connection->config;

	if (task_is_void(task) || task->selector >= config->selector_count)
		return -ECANCELED;
	if (child_brought(task))
		return -ECANCELED;
	return child_write_request(sa, task, &config->selectors[task->selector], true, b);
}

/* Its DELETE has overtaken the answer that made it. */
static bool leave_if_deleted(const struct task *task, struct child *c)
{
	struct peer *peer = c->peer;

	if (c->out.spi != task->deleted)
		return false;
	child_leave(c);
	peer_on_loss(peer);
	return true;
}

uint16_t child_on_answer(struct ike_sa *sa, struct task *task, const struct message *m)
{
	struct child *c;

	if (task_is_void(task)) {
		task->goes_back = true;
		return 0;
	}
	c = child_read_answer(sa, task, m, true);
	if (!c)
		return task->lane ? 0 : NOT_AS_ASKED;
	if (!leave_if_deleted(task, c))
		child_bind(c);
	return 0;
}

uint16_t child_on_refusal(struct ike_sa *sa, struct task *task, uint16_t error)
{
	(void)sa;
	if (task_is_void(task))
		return 0;
	if (task->lane && error != TEMPORARY_FAILURE) {
		lane_refused(task->peer, error);
		return 0;
	}
	if (error == NO_PROPOSAL_CHOSEN)
		renew_suggested(task->peer);
	return error;
}

/* ---- a rekey ---- */

int rekey_child_ask(struct ike_sa *sa, struct task *task, struct body *b)
{
	if (task_is_void(task) || !task->child || task->child->state != CHILD_UP)
		return -ECANCELED;
	if (child_is_taking_over(task->child)) {
		task_retry(sa, task_queue_again(sa, task), TAKING_OVER_MS);
		return -ECANCELED;
	}
	task->unheard = child_is_unheard(task->child);
	task->lane = task->child->lane;
	notify_write_esp(b, REKEY_SA, task->child->in.spi, NULL, 0);
	return child_write_request(sa, task, &task->child->selector, true, b);
}

static void let_go(struct child *loser, struct child *winner)
{
	child_succeed(loser, winner);
	timer_cancel(&loser->engine->timers, &loser->watch);
}

/* Both of us did it: section 2.8.1. old: NULL if the peer has deleted it before its answer to us came. */
static void settle_collision(struct child *old, struct child *ours, struct child *theirs)
{
	const bool lost = memcmp(ours->low_nonce, theirs->low_nonce, NONCE_SIZE) < 0;
	/* Which may be another one than when they were made. */
	const unsigned lane = old ? old->lane : theirs->lane;

	let_go(lost ? ours : theirs, lost ? theirs : ours);
	ours->lane = theirs->lane = lane;
	if (!lost)
		child_bind(ours);
	if (old)
		child_succeed(old, lost ? theirs : ours);
	child_delete(lost ? ours : theirs, lost ? DELETE_DELAY_MS : FORGOTTEN_MS);
	if (old)
		child_delete(old, lost ? FORGOTTEN_MS : DELETE_DELAY_MS);
}

uint16_t rekey_child_on_answer(struct ike_sa *sa, struct task *task, const struct message *m)
{
	struct child *old = task->child, *rival = old ? old->rival : task->rival, *c;

	/* Who deletes the old one has won the collision, and whatever has replaced the winner since, it is not ours. */
	if (task_is_void(task) || (task->contested && !rival)) {
		task->goes_back = true;
		return 0;
	}
	c = child_read_answer(sa, task, m, true);
	if (!c)
		return NOT_AS_ASKED;
	task->peer->no_pfs = false;
	if (leave_if_deleted(task, c))
		return TEMPORARY_FAILURE;
	if (rival) {
		settle_collision(old, c, rival);
	} else {
		if (old)
			child_succeed(old, c);
		child_bind(c);
		if (old)
			child_delete(old, DELETE_DELAY_MS);
	}
	return 0;
}

/* The peer has lost it: it is made anew, unless another one carries the same. */
static void replace_lost(struct child *old)
{
	struct peer *peer = old->peer;
	const int selector = peer_selector_of(old);
	const unsigned lane = old->lane;

	child_leave(old);
	if (lane || selector < 0 || peer_child_up(peer, &peer->connection->config->selectors[selector]))
		return;
	peer->wanted |= 1U << selector;
	peer_pursue(peer);
}

/* The one for all lanes carries what it did. */
static uint16_t end_of_lane(struct child *old, uint16_t error)
{
	lane_refused(old->peer, error);
	child_delete(old, 0);
	return 0;
}

uint16_t rekey_child_on_refusal(struct ike_sa *sa, struct task *task, uint16_t error)
{
	struct child *old = task->child;

	if (task_is_void(task))
		return 0;
	if (old && old->rival) {
		await_delete(old, old->rival);
		return 0;
	}
	if (error == CHILD_SA_NOT_FOUND && old && task->unheard && old->unknown++ < UNKNOWN_MAX)
		error = TEMPORARY_FAILURE;
	if (error != TEMPORARY_FAILURE && error != NO_PROPOSAL_CHOSEN)
		peer_end_orders(task->peer, ORDER_REKEY, notify_name(error));
	if (!old || old->state != CHILD_UP)
		return 0;
	if (error == NO_PROPOSAL_CHOSEN && old->lane)
		return end_of_lane(old, error);
	if (error == NO_PROPOSAL_CHOSEN)
		renew_child(old->peer, old);
	if (error != CHILD_SA_NOT_FOUND)
		return error;
	ike_log(sa, "the peer has lost the child that is to be rekeyed");
	replace_lost(old);
	return 0;
}
