/* SPDX-License-Identifier: BSD-2-Clause */
/* The proof of a peer, as long as any IKE SA goes by it. */
#ifndef IKE_PROVEN_H
#define IKE_PROVEN_H

#include "identity/certs.h"

/* When and by what a peer has proven itself: of an IKE SA and of what its rekeys make of it. */
struct proven {
	unsigned users;
	struct peer_certs certs; /* none: a PSK */
	uint64_t made_ms;
	uint64_t due_ms;   /* reauth-time; UINT64_MAX: never */
	int64_t ask_s;	   /* with certificates: since the epoch, some time before they expire */
	uint64_t again_ms; /* not tried before then */
	bool rejected;	   /* by CA and CRL as they are now */
	bool tried;	   /* to get another, since then */
	bool outdated;	   /* ours, by which the peer knows us */
};

/* One fewer goes by it; NULL: nothing. */
void proven_drop(struct proven *proven);

#endif
