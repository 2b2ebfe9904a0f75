/* SPDX-License-Identifier: BSD-2-Clause */
/* IKE_AUTH as initiator: RFC 7296 section 1.2. */
#ifndef IKE_ENGINE_IKE_AUTH_INITIATOR_H
#define IKE_ENGINE_IKE_AUTH_INITIATOR_H

#include "task.h"
#include "wire/message.h"

bool auth_foresee_ask(struct ike_sa *sa, const struct task *task);
int auth_ask(struct ike_sa *sa, struct task *task, struct body *b);
bool auth_foresee_answer(struct ike_sa *sa, const struct task *task, const struct message *m);
uint16_t auth_on_answer(struct ike_sa *sa, struct task *task, const struct message *m);
uint16_t auth_on_refusal(struct ike_sa *sa, struct task *task, uint16_t error);

#endif
