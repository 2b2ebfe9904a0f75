/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IKE_SA_INIT as initiator, RFC 7296 section 1.2. The handlers stand in the tables of exchange.c.
 */
#ifndef IKE_ENGINE_IKE_INIT_INITIATOR_H
#define IKE_ENGINE_IKE_INIT_INITIATOR_H

#include "task.h"
#include "wire/message.h"

bool init_foresee_ask(struct ike_sa *sa, const struct task *task);
int init_ask(struct ike_sa *sa, struct task *task, struct body *b);
bool init_foresee_answer(struct ike_sa *sa, const struct task *task, const struct message *m);
uint16_t init_on_answer(struct ike_sa *sa, struct task *task, const struct message *m);
uint16_t init_on_refusal(struct ike_sa *sa, struct task *task, uint16_t error);

/*
 * What is no full answer: a cookie, or an error. Nothing of it is authentic (section 2.21.1). To follow a cookie costs
 * nothing; an error is remembered, and counts if nothing better has come by when the request is due again.
 */
void init_on_notify(struct ike_sa *sa, const struct message *m, uint16_t error);

#endif
