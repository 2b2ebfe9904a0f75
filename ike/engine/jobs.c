/* SPDX-License-Identifier: BSD-2-Clause */
/* What becomes of jobs that were given out (foresight.h). */
#include "engine.h"

#include "ike_init_responder.h"
#include "receive.h"
#include "request.h"

static bool has_no_answer_yet(const struct ike_sa *sa)
{
	return sa->state == IKE_HALF_OPEN && !sa->answered.count;
}

/* Who waited looks again: it may wait for the next thing. What is known and nobody has wanted is wiped. */
void engine_job_done(struct engine *e, uint32_t number, const struct job_answer *answer)
{
	struct foresight *f = foresight_find(e, number);
	struct ike_sa *sa = f ? container_of(f, struct ike_sa, foresight) : NULL;

	if (!sa)
		return;
	foresight_done(f, answer);
	if (has_no_answer_yet(sa))
		init_answer_when_possible(sa);
	receive_go_on(sa);
	if (!foresight_waits(f))
		request_send_next(sa);
	foresight_forget(f);
}
