/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A peer that does not answer may have started anew, and know nothing of the IKE SA any more. Another IKE SA is opened
 * beside the doubtful one: the new one is up at once if that is so, long before the old one would be given up.
 */
#ifndef IKE_DOUBT_H
#define IKE_DOUBT_H

#include "ike_sa.h"
#include "peer.h"

/* The IKE SA's request was sent several times: another one is opened beside it. */
void doubt_try(struct peer *p, const struct ike_sa *sa);

/* The peer is there, and knows an IKE SA: what was opened in doubt, and is not answered yet, is dropped. */
void doubt_drop(struct peer *p);

/* The IKE SA, opened in doubt of others, is up: one that still does not answer is over, one that does is deleted. */
void doubt_settle(struct ike_sa *sa);

#endif
