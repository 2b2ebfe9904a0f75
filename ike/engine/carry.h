/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which child carries the traffic: when the outbound half of a new one is bound, and who takes over from one that goes.
 */
#ifndef IKE_CARRY_H
#define IKE_CARRY_H

#include "child.h"

/* Binds the outbound half: from now on it carries the traffic. */
void child_bind(struct child *c);

/* Replaces old: old's outbound half carries nothing more once c is bound. Binding waits (responder) or is done
 * (initiator) by the caller. */
void child_succeed(struct child *old, struct child *c);

/* Responder of a rekey: bind at the first packet on the inbound half (or when the old one leaves). */
void child_bind_on_use(struct child *c);

/* Responder of a new child: once our answer is out; while another SA carries the same, at the first packet, but not
 * later than a moment from now, unless the peer goes on using that one. */
void child_bind_soon(struct child *c);

/* The peer or we have deleted it: off its IKE SA; its halves stay for a grace time. Whoever can takes over its traffic.
 */
void child_leave(struct child *c);

/* c->watch is due: a packet on a new inbound SA is looked for; or the grace time is over. */
void child_on_watch(struct timer *timer);

#endif
