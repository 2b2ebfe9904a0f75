/* SPDX-License-Identifier: BSD-2-Clause */
/* The end of a handshake: the gate to IKE_UP, and what it brings about for other IKE SAs between the two. */
#ifndef IKE_ENGINE_IKE_SA_UP_H
#define IKE_ENGINE_IKE_SA_UP_H

#include "ike_sa.h"

/*
 * The only way into IKE_UP. False, and nothing has changed, unless all is proven that the connection asks for; why not
 * has been logged by who has checked, and the caller tells the peer.
 */
bool ike_sa_admit(struct ike_sa *sa);

/* What follows, once the handshake of the IKE SA that was admitted is done with. */
void ike_sa_up(struct ike_sa *sa);

#endif
