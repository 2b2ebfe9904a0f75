/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CREATE_CHILD_SA for the IKE SA itself, RFC 7296 section 1.3.2. The handlers stand in the tables of exchange.c:
 * *_on_request answers what the peer asks, *_ask writes a task's request, *_on_answer and *_on_refusal see to what
 * comes back.
 */
#ifndef IKE_ENGINE_REKEY_IKE_H
#define IKE_ENGINE_REKEY_IKE_H

#include "question.h"
#include "task.h"

enum verdict rekey_ike_on_request(struct question *q);
int rekey_ike_ask(struct ike_sa *sa, struct task *task, struct body *b);
uint16_t rekey_ike_on_answer(struct ike_sa *sa, struct task *task, const struct message *m);
uint16_t rekey_ike_on_refusal(struct ike_sa *sa, struct task *task, uint16_t error);

#endif
