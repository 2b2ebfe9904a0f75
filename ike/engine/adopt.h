/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who looks after the SAs of an earlier run (orphans.h). The peer of each is opened anew, whoever opened it before: our
 * INITIAL_CONTACT tells the peer that its end of these SAs is worth nothing any more.
 */
#ifndef IKE_ENGINE_ADOPT_H
#define IKE_ENGINE_ADOPT_H

#include "peer.h"

/* The configuration has changed: finds for each such SA its peer, or makes that. SAs that no connection has a selector
 * for go at once. */
void orphans_adopt(struct engine *e);

/* p->orphans is due: the time of a peer's is up. */
void orphans_on_time(struct timer *timer);

#endif
