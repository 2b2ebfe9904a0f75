/* SPDX-License-Identifier: BSD-2-Clause */
/* Our requests on their way: written, sent, sent again. */
#ifndef IKE_REQUEST_H
#define IKE_REQUEST_H

#include "ike_sa.h"

/* Sent so often without an answer, it is doubtful whether the peer still knows the IKE SA. */
#define DOUBT_TRIES 2

/* Sends what is next, if it can be. */
void task_send_next(struct ike_sa *sa);

/* The retransmission timer. */
void task_on_retransmit(struct timer *timer);

#endif
