/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A new IKE SA instead of a rekey, make before break: the peer refuses a key exchange for children, and without one
 * none is made here (PFS). The first child of a new IKE SA has the fresh exchange of that one.
 */
#ifndef IKE_RENEW_H
#define IKE_RENEW_H

#include "child.h"
#include "ike_sa.h"
#include "peer.h"

/* Before the child's lifetime ends. */
void renew_child(struct peer *p, const struct child *old);

/* The same for a selector that has no child yet. */
void renew_for(struct peer *p, unsigned selector);

/* It is up with its child: what it replaces goes. */
void renew_done(struct peer *p, const struct child *child);

/* It has no child: what the peer refuses is something else. */
void renew_failed(struct peer *p, struct ike_sa *sa);

/* A new child was refused for want of a proposal, perhaps for that. */
void renew_suggested(struct peer *p);

#endif
