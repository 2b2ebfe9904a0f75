/* SPDX-License-Identifier: BSD-2-Clause */
#include "ike_sa_delete.h"

#include "task.h"

static void leave(struct ike_sa *sa, uint64_t ms)
{
	const uint64_t now = engine_now(sa->engine);
	struct task *task = task_find(sa, TASK_DELETE_IKE, NULL);

	sa->leaves = true;
	if (!task)
		task = task_queue(sa, TASK_DELETE_IKE);
	if (!task) {
		timer_set(&sa->engine->timers, &sa->life, now + ms + NO_MEMORY_MS);
		return;
	}
	task_delay(sa, task, ms);
	ike_sa_kick(sa, now + ms);
}

void ike_sa_delete(struct ike_sa *sa, uint64_t ms)
{
	sa->leaves_if_redundant = false;
	leave(sa, ms);
}

void ike_sa_delete_redundant(struct ike_sa *sa, uint64_t ms)
{
	sa->leaves_if_redundant = true;
	leave(sa, ms);
}

void ike_sa_delete_for(struct ike_sa *sa, uint16_t reason)
{
	sa->leave_reason = reason;
	ike_sa_delete(sa, 0);
}

bool ike_sa_delete_again(struct ike_sa *sa)
{
	if (!sa->leaves || task_find(sa, TASK_DELETE_IKE, NULL))
		return false;
	leave(sa, 0);
	return true;
}

void ike_sa_delete_heir(struct ike_sa *heir, struct ike_sa *old)
{
	if (!old->leaves)
		return;
	heir->leaves_if_redundant = old->leaves_if_redundant;
	heir->leave_reason = old->leave_reason;
	old->leaves = false;
	heir->leaves = true;
	if (!task_find(heir, TASK_DELETE_IKE, NULL))
		leave(heir, 0);
}
