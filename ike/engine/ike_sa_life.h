/* SPDX-License-Identifier: BSD-2-Clause */
/* How long an IKE SA is up: its rekey, and its end if that fails. */
#ifndef IKE_IKE_SA_LIFE_H
#define IKE_IKE_SA_LIFE_H

#include "ike_sa.h"

/* Sets the timers that a living IKE SA has. */
void ike_sa_start_timers(struct ike_sa *sa);

/* sa->life is due: of a handshake, the rekey, the end. */
void ike_sa_on_life(struct timer *timer);

#endif
