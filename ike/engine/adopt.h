/* SPDX-License-Identifier: BSD-2-Clause */
/* Who looks after the SAs of an earlier run (orphans.h). */
#ifndef IKE_ADOPT_H
#define IKE_ADOPT_H

#include "peer.h"

/* Finds for each the peer that its connection has or may have; those that no connection is for go at once. After each
 * change of the configuration. */
void orphans_adopt(struct engine *e);

/* The peer's timer. */
void orphans_on_time(struct timer *timer);

#endif
