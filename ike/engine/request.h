/* SPDX-License-Identifier: BSD-2-Clause */
/* Our requests on their way: written, sent, sent again. */
#ifndef IKE_REQUEST_H
#define IKE_REQUEST_H

#include "ike_sa.h"

/* Sends what is next, if it can be. */
void request_send_next(struct ike_sa *sa);

/* sa->retransmit is due. */
void request_on_retransmit(struct timer *timer);

#endif
