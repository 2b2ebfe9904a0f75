/* SPDX-License-Identifier: BSD-2-Clause */
/* CREATE_CHILD_SA for children: RFC 7296 sections 1.3.1 and 1.3.3. */
#ifndef IKE_CREATE_CHILD_H
#define IKE_CREATE_CHILD_H

#include "question.h"
#include "task.h"

enum verdict child_on_request(struct question *q);
enum verdict rekey_child_on_request(struct question *q);
int child_ask(struct ike_sa *sa, struct task *task, struct body *b);
bool child_on_answer(struct ike_sa *sa, struct task *task, const struct message *m);
void child_on_error(struct ike_sa *sa, struct task *task, const struct message *m, uint16_t error);
int rekey_child_ask(struct ike_sa *sa, struct task *task, struct body *b);
bool rekey_child_on_answer(struct ike_sa *sa, struct task *task, const struct message *m);
void rekey_child_on_error(struct ike_sa *sa, struct task *task, const struct message *m, uint16_t error);

#endif
