/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages that have waited for something (foresight.h). engine.h has those that come. */
#ifndef IKE_ENGINE_RECEIVE_H
#define IKE_ENGINE_RECEIVE_H

#include "ike_sa.h"

/* What it was is there: what waits in the IKE SA's backlog is taken. */
void receive_go_on(struct ike_sa *sa);

#endif
