/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a peer is to who asks for the status. A trap that has failed is down, and not a trap as any other, though the
 * next packet tries again.
 */
#ifndef IKE_ENGINE_PEER_STATE_H
#define IKE_ENGINE_PEER_STATE_H

#include "peer.h"

enum peer_state {
	PEER_DOWN,
	PEER_TRAP,	 /* opened by the next packet */
	PEER_CONNECTING, /* an IKE SA is coming or going, or there, and its child not refused */
	PEER_UP,	 /* a child carries traffic */
};

enum peer_state peer_state(const struct peer *p);

/* SAs have come or gone: whether it is up is seen, and since when. */
void peer_see_state(struct peer *p);

/* Since when it is in that state. Of one that is not up: since it was, or since it was made. */
uint64_t peer_state_since(const struct peer *p);

/* "down", "trap", "connecting", "up" */
const char *peer_state_name(enum peer_state state);

#endif
