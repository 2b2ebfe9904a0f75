/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is wanted of a peer: each selector that is to have a child and has none is a bit of peer.wanted. Only this file
 * pursues wishes, and tells by what happens to SAs whether they go on, come again, or are given up.
 */
#ifndef IKE_WISH_H
#define IKE_WISH_H

#include "child.h"
#include "peer.h"

/* Wants all selectors (for start = initiate, and by order). */
void peer_want_all(struct peer *p);

/* Sees to what is wanted: children on the IKE SA that is up, or a new IKE SA if none is under way. */
void peer_pursue(struct peer *p);

void peer_on_child_up(struct peer *p, struct child *child);

/* An attempt to get an IKE SA or a child has failed, for that reason (one line). */
void peer_on_failure(struct peer *p, const char *why);

/* An IKE SA or a child is gone: what is to be there is wanted again, and the peer may be needed no more. */
void peer_on_loss(struct peer *p);

/* It has opened an IKE SA and asked for no child on it. */
void peer_on_childless(struct peer *p);

/* The peer has lost a task or an SA: a wish that nobody sees to any more is tried again later. What was to bring a
 * child may have ended without one and without a word, for want of memory. */
void peer_see_to_wishes(struct peer *p);

#endif
