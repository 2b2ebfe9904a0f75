/* SPDX-License-Identifier: BSD-2-Clause */
/* What a peer has: its IKE SAs and children, found by what they are for. Nothing is changed here. */
#ifndef IKE_PEER_SAS_H
#define IKE_PEER_SAS_H

#include "child.h"
#include "ike_sa.h"
#include "peer.h"

/* The peer's IKE SA that new children are made on, or NULL. */
struct ike_sa *peer_ike_up(const struct peer *p);

/* One that is being opened by us. */
bool peer_is_under_way(const struct peer *p);

/* One that does not answer, or NULL. */
struct ike_sa *peer_doubtful(const struct peer *p);

/* Whether an SA of the peer is left that was to go when it was last taken down. */
bool peer_has_outlived(const struct peer *p);

/* A child that is up, and to stay so, for that selector, or what the peer leaves of it; or NULL. NULL for s: any. */
struct child *peer_child_up(const struct peer *p, const struct selector *s);

/* Whether that child is for that selector, or for what the peer has left of it. */
bool peer_child_is_for(const struct child *c, const struct selector *s);

/* Which of the connection's selectors a child came of: the most exact that has all of it. -1: none. */
int peer_selector_of(const struct child *c);

#endif
