/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two IKE SAs that came up side by side, since both ends began at the same time. Of the two, the one with the lowest
 * nonce is redundant, and who began it deletes it: once the other one has shown that it lives, and carries all that the
 * redundant one carries.
 */
#ifndef IKE_ENGINE_REDUNDANT_H
#define IKE_ENGINE_REDUNDANT_H

#include "ike_sa.h"
#include "peer.h"

/* Looks for redundant ones of the peer's, and has them deleted. alive: an IKE SA that has just come up or answered;
 * NULL: something else has changed. If the other one of the two is not known to live, the peer is asked on it; if it
 * does not carry all yet, it is asked for that. Either answer calls this again. */
void redundant_end(struct peer *p, const struct ike_sa *alive);

/* The IKE SA is the lower one of two, whoever is to delete it: perhaps it goes. */
bool redundant_may_be(const struct ike_sa *sa);

/* The IKE SA is still redundant: another one carries all that it does. */
bool redundant_is(const struct ike_sa *sa);

#endif
