/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A peer that refuses a key exchange for children. No child is made here without one (PFS), but the first child of an
 * IKE SA needs none of its own: it has the fresh exchange of that IKE SA. So with such a peer a new IKE SA is made
 * instead of each rekey, make before break, and each selector has an IKE SA of its own.
 */
#ifndef IKE_ENGINE_RENEW_H
#define IKE_ENGINE_RENEW_H

#include "child.h"
#include "ike_sa.h"
#include "peer.h"

/* The peer has refused to rekey old: a new IKE SA is opened for its selector. */
void renew_child(struct peer *p, const struct child *old);

/* Opens one for a selector, unless that is under way. */
void renew_for(struct peer *p, unsigned selector);

/* An IKE SA that was opened for that is up with its child: what the child replaces goes. */
void renew_done(struct peer *p, const struct child *child);

/* The IKE SA is up without a child: what the peer refuses is something else. */
void renew_failed(struct peer *p, struct ike_sa *sa);

/* The peer has refused a new child for want of a proposal, perhaps for the key exchange. */
void renew_suggested(struct peer *p);

#endif
