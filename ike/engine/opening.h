/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IKE SAs that this host opens for what is wanted of its peers: so many at a time, the others in turn. A start with ten
 * thousand connections would else compute as many keys before the first answer is read, and have more datagrams on
 * their way than a socket has room for, so that most of them are sent again.
 *
 * One counts until it is up or has come to its end; or until a message of it is sent again, and it takes longer by then
 * than others lately did: a peer that is gone holds up nobody for longer than that, and one that has more to do than it
 * can is not asked by still more, which would be sent again for the same reason.
 */
#ifndef IKE_ENGINE_OPENING_H
#define IKE_ENGINE_OPENING_H

#include "ike_sa.h"

/* With those that are kept for whose packets wait, as many as one host may have half-open at another of ours without
 * being asked for a cookie. */
#define OPENING_KEPT 16
#define OPENING_MAX  (COOKIE_THRESHOLD - OPENING_KEPT)

void opening_init(struct engine *e);

/* Milliseconds, of those that took longest lately, where many are under way; else 0. */
uint64_t opening_took(const struct engine *e);

bool opening_is_full(const struct engine *e);

/* True: there is no room, and the peer has its turn later (wish_next_opening), or has it already. */
bool opening_waits(struct peer *p);

/* Whose packet waits goes before who waits for nothing in particular. */
void opening_hurry(struct peer *p);

/* Whose turn it is, which is in the queue no more; NULL: nobody's, or there is no room. */
struct peer *opening_next(struct engine *e);

void opening_begin(struct ike_sa *sa);
/* It is up. */
void opening_done(struct ike_sa *sa);
/* A message of it is sent again. */
void opening_drags_on(struct ike_sa *sa);
/* It counts no more. One that does not count stays so. */
void opening_settle(struct ike_sa *sa);

#endif
