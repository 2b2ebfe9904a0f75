/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether an echo request between two hosts would leave by an SA. A probe is a packet as any other, which the gate
 * seals. This is asked beforehand, so that no probe opens a connection, and none leaves that nothing would seal.
 */
#ifndef LOADER_LIVENESS_LIVENESS_WAY_H
#define LOADER_LIVENESS_LIVENESS_WAY_H

#include "maps/maps.h"

enum liveness_way {
	WAY_SEALED,	  /* it leaves by an SA and an attached interface */
	WAY_NO_SA,	  /* no connection has an SA for it */
	WAY_NO_ROUTE,	  /* the host has no route to the peer */
	WAY_CLEAR,	  /* no policy protects it */
	WAY_NOT_GATED,	  /* it would leave by an interface that nothing guards */
	WAY_ENCAPSULATES, /* by a route that makes another packet of it */
};

/* *ifindex, for WAY_SEALED: of the interface by which the request leaves. */
enum liveness_way liveness_way(const struct maps *maps, const uint8_t local[4], const uint8_t remote[4], int *ifindex);

/* What people have to do about it; NULL where there is nothing to do. */
const char *liveness_way_remedy(enum liveness_way way);

#endif
