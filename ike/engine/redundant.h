/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two IKE SAs that came up side by side, as both ends began at the same time: one is one too many. It is deleted by who
 * began it, once the other one has shown that it lives, and carries all that the redundant one does.
 */
#ifndef IKE_REDUNDANT_H
#define IKE_REDUNDANT_H

#include "ike_sa.h"
#include "peer.h"

/* Looks at the peer's. alive: came up just now, or has answered; NULL: something else has changed. One that is not
 * known to live is asked, and its answer calls this again; for what it does not carry yet, it is asked as well. */
void redundant_end(struct peer *p, const struct ike_sa *alive);

/* It still is. */
bool redundant_is(const struct ike_sa *sa);

#endif
