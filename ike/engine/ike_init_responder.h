/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IKE_SA_INIT as responder, RFC 7296 section 1.2 and 2.6: nothing is kept before the peer's proposal, group, cookie and
 * addresses are as they have to be. The handler stands in the table of exchange.c.
 */
#ifndef IKE_ENGINE_IKE_INIT_RESPONDER_H
#define IKE_ENGINE_IKE_INIT_RESPONDER_H

#include "question.h"

/* q->sa is NULL: the peer has no IKE SA yet. */
enum verdict init_on_request(struct question *q);

/* A half-open IKE SA has no answer yet: it has one now, or waits for its key pair (foresight.h). */
void init_answer_when_possible(struct ike_sa *sa);

#endif
