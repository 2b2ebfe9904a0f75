/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A peer proves itself anew, make before break (RFC 7296 section 2.8.3): a new IKE SA is opened, takes over the
 * children of the old one (move.h), and only then the old one is deleted.
 *
 *   when                                                    and else
 *   reauth-time has passed                                  the old one ends some time later
 *   the peer's certificate is about to expire               it ends when that expires
 *   CA or CRL were renewed, and what it has proven itself
 *     with does not hold by them                            it ends when the peer has no other at once; of
 *                                                           another connection's IKE SA, the children alone
 *   our own certificate was renewed                         it stays: the peer sees to that
 */
#ifndef IKE_ENGINE_REAUTH_H
#define IKE_ENGINE_REAUTH_H

#include "ike_sa.h"
#include "proven.h"

/* IKE_AUTH has proven the peer, by certificates, which are taken over, or with none by a PSK. False: no memory. */
bool reauth_proven(struct ike_sa *sa, struct peer_certs *certs);

/* What the peer has proven itself with is not accepted any more: it gets nothing new on this IKE SA, which is about to
 * end. */
bool reauth_is_rejected(const struct ike_sa *sa);

/* The IKE SA is up: its times count from now. */
void reauth_on_up(struct ike_sa *sa);

/* The heir shares old's proof. */
void reauth_inherit(struct ike_sa *heir, const struct ike_sa *old);

/* sa->reauth is due. */
void reauth_on_time(struct timer *timer);

/* The connection's files are others: its certificate (own), CAs or CRLs. What is up is judged by the new ones. */
void reauth_renewed(struct connection *c, bool own);

/* In seconds: when the peer is asked to prove itself again, and when its proof expires; -1: never. */
void reauth_times(const struct ike_sa *sa, int64_t *due_s, int64_t *expires_s);

#endif
