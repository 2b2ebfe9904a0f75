/* SPDX-License-Identifier: BSD-2-Clause */
#include "foresee.h"

#include "crypto/ke.h"

/* Also for what is refused then: who asks in vain has proven who it is, and has it no cheaper with another question. */
bool foresee_request(struct question *q)
{
	const uint8_t *public = ke_public(q->m);
	struct ike_sa *sa = q->sa;

	return public && foresee_pair_and_secret(sa->engine, &sa->foresight, ike_sa_rank(sa), public);
}

bool foresee_ask(struct ike_sa *sa, const struct task *task)
{
	return !task_is_void(task) && ike_foresee_pair(sa);
}

bool foresee_answer(struct ike_sa *sa, const struct task *task, const struct message *m)
{
	const uint8_t *public = ke_public(m);

	return public && ike_foresee_secret(sa, &task->dh, public);
}
