/* SPDX-License-Identifier: BSD-2-Clause */
/* What people order: up, down, rekey. */
#ifndef IKE_ORDERS_H
#define IKE_ORDERS_H

#include "peer.h"

/* Takes the peer down: DELETE for what is up, an end for what is under way; it is not brought up again by itself. */
void orders_take_down(struct peer *p);

/* DELETE for the children that the peer has on other connections' IKE SAs. */
void orders_delete_elsewhere(struct peer *p);

/* An SA or a task of the peer's has come or gone: which orders to take down or to rekey have come to their end by that.
 * What is there decides, and not who has brought it about. */
void orders_look(struct peer *p);

#endif
