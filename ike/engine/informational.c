/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * INFORMATIONAL, RFC 7296 section 1.4: DELETE both ways, liveness (an empty
 * exchange, section 2.4), errors.
 *
 *   SK{D(our SPIs)}  ─►                   the pair is closed by the answer
 *                    ◄─  SK{D(the others)}
 */
#include "informational.h"

#include <errno.h>

#include "carry.h"
#include "ike_sa_end.h"
#include "proof.h"
#include "redundant.h"
#include "wish.h"

/* In one D payload of an answer; those beyond are in the next one. */
#define DELETES_MAX 64

/*
 * Of a message, that are looked for. A connection has some six hundred children at most, and most peers name one. Each
 * that is not there is looked for on all of the peer's IKE SAs, and there is room in a message for sixteen thousand.
 */
#define NAMED_MAX 1024

struct deletes {
	struct ike_sa *sa;
	struct body *answer;
	uint32_t spis[DELETES_MAX];
	unsigned count; /* not yet in the answer */
	unsigned named;
	bool any;
};

static void write_deletes(struct deletes *d)
{
	if (d->count)
		delete_write_esp(d->answer, d->spis, d->count);
	d->count = 0;
}

/* What of ours is in the window, if it is about that child. */
static struct task *running_for(const struct child *c)
{
	return c->ike->running && c->ike->running->child == c ? c->ike->running : NULL;
}

static bool is_being_deleted_by_us(const struct child *c)
{
	const struct task *task = running_for(c);

	return task && task->kind == TASK_DELETE_CHILD;
}

/* Both delete it at once: each closes it with the answer to its own, and names nothing in its answer (section 1.4.1).
 */
static void delete_child(void *arg, uint32_t spi)
{
	struct deletes *d = arg;
	struct child *c;
	struct peer *peer;

	/* Who has proven nothing may name anybody as itself: that one's children on other IKE SAs are not its own. */
	if (!d->sa->up_ms || d->named++ >= NAMED_MAX)
		return;
	c = child_find(d->sa, spi);
	/*
	 * The answer that makes it may have been overtaken. One is enough to remember: both windows are of one message,
	 * so one child at most is made there and not yet here, and of what we had deleted before we asked for it, the
	 * peer was told first. Who names others besides loses this one: it is found gone when it is rekeyed.
	 */
	if (!c && d->sa->running)
		d->sa->running->deleted = spi;
	if (!c || is_being_deleted_by_us(c))
		return;
	if (!c->successor)
		c->successor = c->rival;
	if (running_for(c)) {
		running_for(c)->rival = c->rival;
		running_for(c)->contested = c->rival != NULL;
	}
	if (d->count == DELETES_MAX)
		write_deletes(d);
	d->spis[d->count++] = c->in.spi;
	d->any = true;
	peer = c->ike->peer;
	child_leave(c);
	if (peer != d->sa->peer)
		peer_on_loss(peer);
}

enum verdict informational_on_request(struct question *q)
{
	struct deletes d = {.sa = q->sa, .answer = q->answer};
	bool ike = false;

	if (!message_deletes(q->m, &ike, delete_child, &d)) {
		body_init(q->answer);
		notify_write(q->answer, INVALID_SYNTAX, NULL, 0);
		return VERDICT_ANSWER_AND_DIE;
	}
	if (message_notify(q->m, AUTHENTICATION_FAILED, NULL)) {
		char why[FAILURE_TEXT];

		proof_why_refused(q->sa, why);
		ike_failure(q->sa, q->sa->peer, FAILED, AUTHENTICATION_FAILED, "%s", why);
		ike = true;
	}
	if (ike) {
		ike_log(q->sa, "deleted by the peer");
		return VERDICT_ANSWER_AND_DIE;
	}
	write_deletes(&d);
	if (d.any)
		peer_on_loss(q->sa->peer);
	return VERDICT_ANSWER;
}

/* The IKE SA is on its way out: the peer is to ask again on the next one (section 2.25). */
enum verdict refuse_for_now(struct question *q)
{
	notify_write(q->answer, TEMPORARY_FAILURE, NULL, 0);
	return VERDICT_ANSWER;
}

/* ---- DELETE of a child ---- */

int delete_child_ask(struct ike_sa *sa, struct task *task, struct body *b)
{
	const uint32_t spi = task->child ? task->child->in.spi : task->spi;

	(void)sa;
	if (!spi)
		return -ECANCELED;
	if (task->child)
		task->child->state = CHILD_DELETING;
	delete_write_esp(b, &spi, 1);
	return 0;
}

uint16_t delete_child_on_answer(struct ike_sa *sa, struct task *task, const struct message *m)
{
	(void)m;
	if (!task->child)
		return 0;
	child_leave(task->child);
	peer_on_loss(sa->peer);
	return 0;
}

/* ---- DELETE of the IKE SA ---- */

int delete_ike_ask(struct ike_sa *sa, struct task *task, struct body *b)
{
	(void)task;
	/* Once it is on its way out, by a DELETE that could not be written, it goes. */
	if (sa->leaves_if_redundant && sa->state == IKE_UP && !redundant_is(sa)) {
		sa->leaves = false;
		return -ECANCELED;
	}
	sa->state = IKE_DELETING;
	if (sa->leave_reason)
		notify_write(b, sa->leave_reason, NULL, 0);
	delete_write_ike(b);
	return 0;
}

uint16_t delete_ike_on_answer(struct ike_sa *sa, struct task *task, const struct message *m)
{
	(void)task;
	(void)m;
	ike_sa_die(sa, NULL);
	return 0;
}

/* ---- liveness: that there is an answer is all it says ---- */

int liveness_ask(struct ike_sa *sa, struct task *task, struct body *b)
{
	(void)sa;
	(void)task;
	(void)b;
	return 0;
}

uint16_t liveness_on_answer(struct ike_sa *sa, struct task *task, const struct message *m)
{
	(void)task;
	(void)m;
	redundant_end(sa->peer, sa);
	return 0;
}
