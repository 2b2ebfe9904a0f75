/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Orders to take down or to rekey are the peer's, and not an IKE SA's, which may be about to be replaced. When such an
 * order is done is seen by what is left, and not by who has brought it about.
 */
#ifndef IKE_ENGINE_ORDERS_H
#define IKE_ENGINE_ORDERS_H

#include "peer.h"

/* Takes the peer down: what is up is deleted, what is under way ends. A new era begins, so that what a rekey still
 * makes of the old one goes, too. The peer is not brought up again by itself. */
void orders_take_down(struct peer *p);

/* Deletes the children that the peer has on IKE SAs of other connections. */
void orders_delete_elsewhere(struct peer *p);

/* An SA or a task of the peer's has come or gone: ends the orders that are done by that. */
void orders_look(struct peer *p);

#endif
