/* SPDX-License-Identifier: BSD-2-Clause */
/* What people order: up, down, rekey. */
#ifndef IKE_ORDERS_H
#define IKE_ORDERS_H

#include "peer.h"

/* Takes the peer down: DELETE for what is up, an end for what is under way; it is not brought up again by itself. */
void peer_terminate(struct peer *p);

/* An IKE SA or its children have come up by a rekey: what was taken down in the meantime ends. */
void ike_sa_obey(struct ike_sa *sa);

/* An SA or a task of the peer's has come or gone: which orders to take down or to rekey have come to their end by that.
 * What is there decides, and not who has brought it about. */
void orders_look(struct peer *p);

#endif
