/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SAs that an earlier run of IKE has left in the datapath. They go on carrying traffic, and somebody must look after
 * them: their peer is opened anew, whoever opened it before, and they go when new ones carry, or when their time is up.
 */
#ifndef IKE_ORPHANS_H
#define IKE_ORPHANS_H

#include "peer.h"

/* Finds for each the peer that its connection has or may have; those that no connection is for go at once. After each
 * change of the configuration. */
void orphans_adopt(struct engine *e);

/* Whether the peer has some to replace. */
bool orphans_wait(const struct peer *p);

/* All that is wanted is up again: they go soon. */
void orphans_replaced(struct peer *p);

/* They go now: the peer is taken down. */
void orphans_end(struct peer *p);

/* The peer's timer. */
void orphans_on_time(struct timer *timer);

#endif
