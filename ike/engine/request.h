/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Our requests on their way: one at a time (RFC 7296 section 2.3), sent again until there is an answer (section 2.4).
 */
#ifndef IKE_ENGINE_REQUEST_H
#define IKE_ENGINE_REQUEST_H

#include "ike_sa.h"

/* Writes and sends the next task whose time has come, if the window is free. */
void request_send_next(struct ike_sa *sa);

/* The peer refuses what is in the window, by that error. What follows is as its row says (exchange.h). */
void request_refused(struct ike_sa *sa, uint16_t error);

/* What the silence may come of, once it is long; NULL: it is not, or there is no request. */
const char *request_remedy(const struct ike_sa *sa);

/* sa->retransmit is due: no answer has come. */
void request_on_retransmit(struct timer *timer);

#endif
