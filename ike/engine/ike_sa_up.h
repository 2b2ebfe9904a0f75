/* SPDX-License-Identifier: BSD-2-Clause */
/* The end of a handshake. */
#ifndef IKE_IKE_SA_UP_H
#define IKE_IKE_SA_UP_H

#include "ike_sa.h"

/* The handshake is done and all is proven: up. */
void ike_sa_up(struct ike_sa *sa);

#endif
