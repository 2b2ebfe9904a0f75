/* SPDX-License-Identifier: BSD-2-Clause */
/* What CREATE_CHILD_SA needs of group 20, for children and for IKE SAs: foresight.h. Each: whether to wait. */
#ifndef IKE_ENGINE_FORESEE_H
#define IKE_ENGINE_FORESEE_H

#include "question.h"
#include "task.h"

bool foresee_request(struct question *q);
bool foresee_ask(struct ike_sa *sa, const struct task *task);
bool foresee_answer(struct ike_sa *sa, const struct task *task, const struct message *m);

#endif
