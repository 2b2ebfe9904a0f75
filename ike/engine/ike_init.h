/* SPDX-License-Identifier: BSD-2-Clause */
/* IKE_SA_INIT: RFC 7296 section 1.2. */
#ifndef IKE_IKE_INIT_H
#define IKE_IKE_INIT_H

#include "question.h"
#include "task.h"

/* From a peer: it has no IKE SA yet. */
void init_on_request(struct engine *e, const struct path *path, const struct message *m);
int init_ask(struct ike_sa *sa, struct task *task, struct body *b);
bool init_on_answer(struct ike_sa *sa, struct task *task, const struct message *m);
void init_on_error(struct ike_sa *sa, struct task *task, const struct message *m, uint16_t error);
/* IKE_SA_INIT in the clear that is no full answer: cookie, other group, error. True: it was taken care of. */
bool init_on_notify(struct ike_sa *sa, const struct message *m);

#endif
