/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What arrives without ESP: it gets to the host only if no policy protects it (RFC 4301 section 5.2, step 2). */
#ifndef BPF_CLEAR_H
#define BPF_CLEAR_H

#include "count.h"
#include "gre.h"
#include "policy.h"

/* Whether a packet in clear may go on to the host; counts what a rule decided. */
static __always_inline bool clear_is_admitted(const struct packet *p)
{
	struct flow flow = flow_inbound(p);
	int action = policy_decide(&flow);

	if (action == SPD_BYPASS) {
		count(REASON_BYPASS);
		return true;
	}
	if (action == SPD_NONE && !gre_is_missing(p))
		return true;
	if (action != SPD_NONE && is_ike(p, p->dport)) {
		count(REASON_IKE);
		return true;
	}
	count(action == SPD_DISCARD ? REASON_DISCARD : REASON_CLEARTEXT_PROTECTED);
	return false;
}

/* The same for one whose header cannot be relied on beyond the addresses: the stack refuses it, unless we must. */
static __always_inline bool malformed_is_admitted(const struct packet *p)
{
	if (!policy_may_protect(p->dst, p->src))
		return true;
	count(REASON_MALFORMED);
	return false;
}

#endif
