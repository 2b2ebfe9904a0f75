/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether the peer is still there (RFC 7296 section 2.4). Each authentic message of IKE and each packet on a child
 * shows that. Only a peer that is silent is asked, and what may be forged has it asked once in dpd-interval at most.
 */
#ifndef IKE_ENGINE_LIVENESS_H
#define IKE_ENGINE_LIVENESS_H

#include "ike_sa.h"

/* How long ago the peer was last heard. */
uint64_t liveness_silence_ms(const struct ike_sa *sa);

/* A sign, which may be forged, that the peer has forgotten the IKE SA: the peer is asked, if it is silent. */
void liveness_hint(struct ike_sa *sa);

/* The IKE SA is up: its peer is looked after from now on. */
void liveness_start(struct ike_sa *sa);

/* sa->liveness is due. */
void liveness_on_time(struct timer *timer);

#endif
