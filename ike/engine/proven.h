/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When and by what a peer has proven itself. The IKE SA that the proof was given on and the heirs of that IKE SA share
 * it: a rekey proves nothing.
 */
#ifndef IKE_ENGINE_PROVEN_H
#define IKE_ENGINE_PROVEN_H

#include "identity/certs.h"

struct proven {
	unsigned users;		 /* IKE SAs */
	struct peer_certs certs; /* empty: by a PSK */
	uint64_t made_ms;
	uint64_t due_ms;   /* reauth-time; UINT64_MAX: never */
	int64_t ask_s;	   /* with certificates: since the epoch, some time before the first of them expires */
	uint64_t again_ms; /* the peer is not asked for another proof before then */
	uint64_t tried_ms; /* when the peer was first asked since the certificates are not accepted; 0: not yet */
	bool rejected;	   /* CA and CRL as they are now do not accept the certificates */
	bool unjudged;	   /* there was no memory to see whether they do */
	bool outdated;	   /* our own certificate, which the peer knows us by, is an old one */
};

/* One IKE SA fewer has the proof; the last one frees it. NULL: nothing. */
void proven_drop(struct proven *proven);

#endif
