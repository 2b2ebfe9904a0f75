/* SPDX-License-Identifier: BSD-2-Clause */
/* The end of a handshake, and what it brings about for other IKE SAs between the two. */
#ifndef IKE_IKE_SA_UP_H
#define IKE_IKE_SA_UP_H

#include "ike_sa.h"

/* The handshake is done, and all is proven that must be: the IKE SA is up. */
void ike_sa_up(struct ike_sa *sa);

#endif
