/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SAs that an earlier run of IKE has left in the datapath. They carry traffic, and no object here knows them: only how
 * long those with a peer have, by peer.orphans. They go when new SAs of that peer carry, or when their time is up
 * (adopt.h).
 */
#ifndef IKE_ENGINE_ORPHANS_H
#define IKE_ENGINE_ORPHANS_H

#include "peer.h"

/* One of them has still got left_ms, or an hour if that is less: the last one's time is that of all. */
void orphans_wait(struct peer *p, uint64_t left_ms);

/* Removes those between the two. */
void orphans_remove(struct engine *e, const uint8_t local[4], const uint8_t remote[4]);

/* All that is wanted of the peer is up again: they go soon. */
void orphans_replaced(struct peer *p);

/* They go now. */
void orphans_end(struct peer *p);

#endif
