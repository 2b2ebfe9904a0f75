/* SPDX-License-Identifier: BSD-2-Clause */
#include "childless.h"

#include "ike_sa_end.h"
#include "open.h"

/* What the one was for, the other one is. */
static void take_part(struct ike_sa *anew, const struct ike_sa *sa, const struct task *auth)
{
	TAILQ_FIRST(&anew->tasks)->wished = auth->wished;
	anew->renews = sa->renews;
	anew->in_doubt = sa->in_doubt;
	anew->moves = sa->moves;
	anew->asked = sa->asked;
}

bool childless_open(struct ike_sa *sa, const struct task *auth)
{
	struct peer *p = sa->peer;
	struct ike_sa *anew;

	if (!auth->children || !sa->handshake->peer_childless || !ike_sa_is_wanted(sa) || !peer_may_connect(p))
		return false;
	anew = peer_open(p, auth->selector);
	if (!anew)
		return false;
	p->childless = true;
	take_part(anew, sa, auth);
	ike_log(sa, "the peer makes no child in IKE_AUTH: another IKE SA is opened, and the child is asked for then");
	ike_sa_die(sa, NULL);
	return true;
}

bool childless_ask(struct ike_sa *sa, const struct task *auth, uint16_t error)
{
	struct task *task = task_queue(sa, TASK_CHILD);

	if (!task)
		return false;
	task->selector = auth->selector;
	task->wished = auth->wished;
	if (error == TEMPORARY_FAILURE)
		task_retry(sa, task, TEMPORARY_MS);
	return true;
}
