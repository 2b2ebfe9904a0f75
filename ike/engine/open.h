/* SPDX-License-Identifier: BSD-2-Clause */
/* An IKE SA begins by our hand: the object and its first task. */
#ifndef IKE_ENGINE_OPEN_H
#define IKE_ENGINE_OPEN_H

#include "ike_sa.h"
#include "peer.h"

/* Opens an IKE SA with a child for that selector, whatever else there is. NULL: no memory, and what was wanted is tried
 * again later (wish.h). */
struct ike_sa *peer_open(struct peer *p, unsigned selector);

#endif
