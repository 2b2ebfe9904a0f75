/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A peer that does not answer may have started anew, and know nothing of the IKE SA any more. So another IKE SA is
 * opened beside the doubtful one. If the peer has started anew, the new one is up at once, long before the old one is
 * given up; if the peer answers on the old one first, the new one is dropped.
 */
#ifndef IKE_ENGINE_DOUBT_H
#define IKE_ENGINE_DOUBT_H

#include "ike_sa.h"
#include "peer.h"

/* sa is doubtful: another one is opened beside it, if the peer is to be connected at all. */
void doubt_try(struct peer *p, const struct ike_sa *sa);

/* The peer is there and knows one of its IKE SAs: another one that was opened in doubt, and is not answered yet, is
 * dropped. */
void doubt_drop(struct peer *p);

/* sa was opened in doubt of others, and is up: one of those that waits for an answer is over, any other is deleted. */
void doubt_settle(struct ike_sa *sa);

#endif
