/* SPDX-License-Identifier: BSD-2-Clause */
/* The beginning of an IKE SA by us. */
#ifndef IKE_OPEN_H
#define IKE_OPEN_H

#include "ike_sa.h"
#include "peer.h"

/* Begins a new IKE SA with a child for that selector, whatever there is. NULL: no memory. */
struct ike_sa *peer_open(struct peer *p, unsigned selector);

#endif
