/* SPDX-License-Identifier: BSD-2-Clause */
/* What people order: up, down, rekey. */
#ifndef IKE_ORDERS_H
#define IKE_ORDERS_H

#include "peer.h"

/* Takes the peer down: DELETE for what is up, an end for what is under way; it is not brought up again by itself. */
void peer_terminate(struct peer *p);

/* Frees the peers of a connection that is gone which have nothing left, and with the last one the connection. */
void peers_sweep(struct connection *c);

#endif
