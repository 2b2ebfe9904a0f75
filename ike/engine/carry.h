/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which child carries the traffic. A selector has one binding in the datapath, and the last child that was bound has
 * it. So a new child is bound when the peer can take its packets, and one that goes hands the binding on.
 */
#ifndef IKE_ENGINE_CARRY_H
#define IKE_ENGINE_CARRY_H

#include "child.h"

/* Binds the outbound half: packets leave by that half from now on. */
void child_bind(struct child *c);

/* The same once more, of one that was bound: what it is for has changed, or who has been bound since goes. */
void child_bind_again(const struct child *c);

/* c is to take over from old. The caller binds c, now (initiator) or by child_bind_on_use (responder); until then old
 * carries. */
void child_succeed(struct child *old, struct child *c);

/* Responder of a rekey: c is bound when the first packet comes by its inbound half, or when the old one leaves. */
void child_bind_on_use(struct child *c);

/* Responder of a new child: c is bound when our answer is out. While another SA carries the same, c is bound when the
 * first packet comes by it, or a moment from now; but not as long as the peer goes on using that other one. */
void child_bind_soon(struct child *c);

/* The child was deleted, by the peer or by us. It is off its IKE SA, its halves stay for a grace time, and another
 * child that carries the same takes over. */
void child_leave(struct child *c);

/* c->watch is due: a first packet is looked for, or the grace time is over. */
void child_on_watch(struct timer *timer);

#endif
