/* SPDX-License-Identifier: BSD-2-Clause */
/* What a peer has: its IKE SAs and children, found by what they are for. Nothing is changed here. */
#ifndef IKE_ENGINE_PEER_SAS_H
#define IKE_ENGINE_PEER_SAS_H

#include "child.h"
#include "ike_sa.h"
#include "peer.h"

/* The IKE SA that new children are made on: up, and not to be deleted; or NULL. */
struct ike_sa *peer_ike_up(const struct peer *p);

/* An IKE SA is being opened by us. */
bool peer_is_under_way(const struct peer *p);

/* An IKE SA that is up and does not answer, or NULL. */
struct ike_sa *peer_doubtful(const struct peer *p);

/* An SA is left that was to go when the peer was last taken down. */
bool peer_has_outlived(const struct peer *p);

/* A child for that selector, and for all lanes, or any if NULL, that is up and to stay so; or NULL. */
struct child *peer_child_up(const struct peer *p, const struct selector *s);

/* The child is for that selector, or for what the peer has left of it. */
bool peer_child_is_for(const struct child *c, const struct selector *s);

/* The index of the connection's selector that the child came of, the most exact one that has all of the child's; -1:
 * none. */
int peer_selector_of(const struct child *c);

#endif
