/* SPDX-License-Identifier: BSD-2-Clause */
/* IKE_AUTH: RFC 7296 section 1.2. */
#ifndef IKE_IKE_AUTH_H
#define IKE_IKE_AUTH_H

#include "question.h"
#include "task.h"

bool auth_derive_keys(struct ike_sa *sa);
enum verdict auth_on_request(struct question *q);
int auth_ask(struct ike_sa *sa, struct task *task, struct body *b);
bool auth_on_answer(struct ike_sa *sa, struct task *task, const struct message *m);
void auth_on_error(struct ike_sa *sa, struct task *task, const struct message *m, uint16_t error);

#endif
