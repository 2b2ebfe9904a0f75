/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is wanted of a peer: a selector that is to have a child and has none is a bit of peer.wanted. A wish is pursued
 * by queueing: a task on the IKE SA that is up, or a new IKE SA. What happens to SAs is told here, and decides whether
 * a wish is fulfilled, tried again or given up.
 */
#ifndef IKE_ENGINE_WISH_H
#define IKE_ENGINE_WISH_H

#include "child.h"
#include "peer.h"

/* Wants a child for each selector that has none. */
void peer_want_all(struct peer *p);

/* The connection is a new one: its peer is made, unless it is a mesh, and connected if it is to be up always. Without
 * memory for the peer a moment later (connection.begin). */
void wish_begin(struct connection *c);
void wish_begin_on_time(struct timer *timer);

/* Asks for what is wanted: for children on the IKE SA that is up, or for an IKE SA if none is under way. Who opens many
 * does so by turns (opening.h). */
void peer_pursue(struct peer *p);

/* There is room for another IKE SA to be opened: who waits for it has its turn. */
void wish_next_opening(struct timer *timer);

/* The child is up and carries traffic: wishes for that are fulfilled. */
void peer_on_child_up(struct peer *p, struct child *child);

/* An attempt to get an IKE SA or a child has failed, and why is recorded: who has ordered it is told. */
void peer_on_failure(struct peer *p);

/* An IKE SA or a child is gone: what is to be there always is wanted again; and the peer's own end may have come. */
void peer_on_loss(struct peer *p);

/* A packet waits, and nobody may open an IKE SA for it (start = respond): if the peer does now, its child is asked for.
 */
void wish_missed(struct peer *p, unsigned selector);

/* The peer has opened an IKE SA and asked for no child on it. */
void peer_on_childless(struct peer *p);

/* The peer has lost a task or an SA. A wish that nothing is under way for is tried again later: what was to bring a
 * child may have ended without one, and without a word, for want of memory. */
void peer_see_to_wishes(struct peer *p);

#endif
