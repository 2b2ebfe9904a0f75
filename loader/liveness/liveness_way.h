/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether an echo request between two hosts would leave by an SA. A probe is
 * a packet as any other and the gate seals it; here is asked beforehand, so
 * that none is sent that would open a connection or that nothing would seal.
 */
#ifndef LOADER_LIVENESS_LIVENESS_WAY_H
#define LOADER_LIVENESS_LIVENESS_WAY_H

#include "maps/maps.h"

enum liveness_way {
	WAY_SEALED,    /* by an SA and an attached interface */
	WAY_NO_SA,     /* there is none of a connection */
	WAY_NO_ROUTE,  /* the host does not know where to */
	WAY_CLEAR,     /* a policy bypasses or discards it */
	WAY_NOT_GATED, /* it would leave by an interface that is not attached */
};

/* ifindex: of the interface it leaves by, for WAY_SEALED. */
enum liveness_way liveness_way(const struct maps *maps, const uint8_t local[4], const uint8_t remote[4], int *ifindex);

/* What is to be done about it, for people; NULL where there is nothing to do. */
const char *liveness_way_remedy(enum liveness_way way);

#endif
