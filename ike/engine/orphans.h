/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SAs that an earlier run of IKE has left in the datapath. They go on carrying traffic, and somebody must look after
 * them: their peer is opened anew, whoever opened it before, and they go when new ones carry, or when their time is up.
 */
#ifndef IKE_ORPHANS_H
#define IKE_ORPHANS_H

#include "peer.h"

/* They go in left_ms, or in an hour if that is longer; the last of them tells how long the peer has time. */
void orphans_wait(struct peer *p, uint64_t left_ms);

/* Away with those between the two, now. */
void orphans_remove(struct engine *e, const uint8_t local[4], const uint8_t remote[4]);

/* All that is wanted is up again: they go soon. */
void orphans_replaced(struct peer *p);

/* They go now: the peer is taken down. */
void orphans_end(struct peer *p);

#endif
