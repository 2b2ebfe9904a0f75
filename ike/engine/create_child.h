/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CREATE_CHILD_SA for children, RFC 7296 sections 1.3.1 and 1.3.3. The handlers stand in the tables of exchange.c:
 * *_on_request answers what the peer asks, *_ask writes a task's request, *_on_answer and *_on_refusal see to what
 * comes back.
 */
#ifndef IKE_ENGINE_CREATE_CHILD_H
#define IKE_ENGINE_CREATE_CHILD_H

#include "question.h"
#include "task.h"

/* Of a new child. */
enum verdict child_on_request(struct question *q);
int child_ask(struct ike_sa *sa, struct task *task, struct body *b);
uint16_t child_on_answer(struct ike_sa *sa, struct task *task, const struct message *m);
uint16_t child_on_refusal(struct ike_sa *sa, struct task *task, uint16_t error);

/* Of one that replaces another. */
enum verdict rekey_child_on_request(struct question *q);
int rekey_child_ask(struct ike_sa *sa, struct task *task, struct body *b);
uint16_t rekey_child_on_answer(struct ike_sa *sa, struct task *task, const struct message *m);
uint16_t rekey_child_on_refusal(struct ike_sa *sa, struct task *task, uint16_t error);

#endif
