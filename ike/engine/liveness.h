/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether a peer is still there: RFC 7296 section 2.4. */
#ifndef IKE_LIVENESS_H
#define IKE_LIVENESS_H

#include "ike_sa.h"

/* How long ago the peer was last heard: by a message of IKE, or a packet on any of the children. */
uint64_t liveness_silence_ms(const struct ike_sa *sa);

/* A sign, which anybody may have forged, that the peer has forgotten it: asks whether it is there, if nothing has come
 * for a moment; once in dpd-interval at most. */
void liveness_hint(struct ike_sa *sa);

/* It is up: looked at from now on. */
void liveness_start(struct ike_sa *sa);

/* sa->liveness is due. */
void liveness_on_time(struct timer *timer);

#endif
