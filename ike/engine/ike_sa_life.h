/* SPDX-License-Identifier: BSD-2-Clause */
/* How long an IKE SA lives: the time of its handshake, its rekey, and its end if the rekey fails. */
#ifndef IKE_ENGINE_IKE_SA_LIFE_H
#define IKE_ENGINE_IKE_SA_LIFE_H

#include "ike_sa.h"

/* The IKE SA is up: sets its timers, those of liveness too. */
void ike_sa_start_timers(struct ike_sa *sa);

/* A message more has come: long before its numbers end the IKE SA is rekeyed, and it ends before the last. */
void ike_sa_count_messages(struct ike_sa *sa);

/* sa->life is due. */
void ike_sa_on_life(struct timer *timer);

#endif
