/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SAs that an earlier run of IKE has left in the datapath. They carry traffic, and no object here knows them: only how
 * long those of a peer have, by peer.orphans. Any peer between the two whose connection has a selector for all that an
 * SA takes may replace it: they go when new SAs of such a peer carry, or when their time is up (adopt.h). Those that
 * are for something else stay: they may be all that carries it.
 */
#ifndef IKE_ENGINE_ORPHANS_H
#define IKE_ENGINE_ORPHANS_H

#include "peer.h"

/* One of them has still got left_ms, or an hour if that is less: the last one's time is that of all. */
void orphans_wait(struct peer *p, uint64_t left_ms);

/* Removes the old SAs between the two hosts that are within one of these selectors. */
void orphans_remove(struct engine *e, const uint8_t local[4], const uint8_t remote[4], const struct selector *within,
		    unsigned count);

/* There are some between the two addresses of that key (peer_key()), whichever peer they are of. */
bool orphans_are_between(const struct engine *e, uint64_t key);

/* All that is wanted of the peer is up again: those that its connection has selectors for go soon. */
void orphans_replaced(struct peer *p);

/* Those go now. */
void orphans_end(struct peer *p);

#endif
