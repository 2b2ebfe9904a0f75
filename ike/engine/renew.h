/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A new IKE SA while one is up, make before break: instead of a rekey that the peer refuses, or since the peer does not
 * answer and may have started anew.
 */
#ifndef IKE_RENEW_H
#define IKE_RENEW_H

#include "peer.h"

/* ---- the peer refuses a key exchange for children, and without one none is made here (PFS) ---- */

/* Before the child's lifetime ends: the first child of a new IKE SA has the fresh exchange of that one. */
void renew_child(struct peer *p, const struct child *old);

/* The same for a selector that has no child yet. */
void renew_for(struct peer *p, unsigned selector);

/* It is up with its child: what it replaces goes. */
void renew_done(struct peer *p, const struct child *child);

/* It has no child: what the peer refuses is something else. */
void renew_failed(struct peer *p, struct ike_sa *sa);

/* A new child was refused for want of a proposal, perhaps for that. */
void renew_suggested(struct peer *p);

/* ---- the peer does not answer ---- */

/*
 * The IKE SA's request was sent several times: another one is opened beside it, which is up at once if the peer has
 * started anew, and long before this one is given up.
 */
void renew_in_doubt(struct peer *p, const struct ike_sa *sa);

/* One of the peer's that does not answer, or NULL. */
struct ike_sa *renew_doubtful(const struct peer *p);

/* The peer is there, and knows an IKE SA: what was opened in doubt, and is not answered yet, is dropped. */
void renew_not_needed(struct peer *p);

#endif
