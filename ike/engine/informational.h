/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * INFORMATIONAL, RFC 7296 section 1.4. The handlers stand in the tables of exchange.c: *_on_request answers what the
 * peer asks, *_ask writes a task's request, *_on_answer reads what comes back.
 */
#ifndef IKE_ENGINE_INFORMATIONAL_H
#define IKE_ENGINE_INFORMATIONAL_H

#include "question.h"
#include "task.h"

/* DELETE, errors, liveness: whatever the peer has to say. */
enum verdict informational_on_request(struct question *q);

/* CREATE_CHILD_SA on an IKE SA that is on its way out (section 2.25). */
enum verdict refuse_for_now(struct question *q);

int delete_child_ask(struct ike_sa *sa, struct task *task, struct body *b);
uint16_t delete_child_on_answer(struct ike_sa *sa, struct task *task, const struct message *m);

int delete_ike_ask(struct ike_sa *sa, struct task *task, struct body *b);
uint16_t delete_ike_on_answer(struct ike_sa *sa, struct task *task, const struct message *m);

/* An empty exchange: that there is an answer is all it says. */
int liveness_ask(struct ike_sa *sa, struct task *task, struct body *b);
uint16_t liveness_on_answer(struct ike_sa *sa, struct task *task, const struct message *m);

#endif
