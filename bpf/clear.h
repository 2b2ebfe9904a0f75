/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A packet that arrives without ESP gets to the host only if no policy protects it (RFC 4301 section 5.2, step 2). */
#ifndef BPF_CLEAR_H
#define BPF_CLEAR_H

#include "count.h"
#include "fragments.h"
#include "gre.h"
#include "hits.h"
#include "ike.h"
#include "policy.h"
#include "route.h"

/*
 * What the SPD says of a packet: enum spd_action, SPD_NONE or SPD_IKE. p->covered gets whether a cover decides
 * (policy.h), p->counter which counter a rule that decides has. A cover gives way to a policy that lets the group by
 * which the packet is for: that policy is for all who speak to the group. A connection's own rule does not give way.
 */
static __always_inline int clear_action_alone(struct packet *p)
{
	struct flow flow = flow_inbound(p);
	int action = decide(&flow, is_ike_inbound(p));

	p->covered = action == SPD_PROTECT && flow.cover;
	p->counter = flow.counter;
	return p->covered && is_for_group(p) && group_is_bypassed(p) ? SPD_BYPASS : action;
}

/*
 * The same, with a later fragment sharing its first one's lot. So no more comes in than was admitted with the first: a
 * later fragment cannot get into a datagram that came out of an SA, which the worker hands over whole, nor change the
 * ports that the first was admitted for, which are in its first 8 bytes. Decisions are kept of admitted fragments
 * alone.
 */
static __always_inline int clear_action(struct packet *p)
{
	const struct fragment_value *first = is_later_fragment(p) ? fragment_recall_in(p) : NULL;
	int action = first ? first->action : clear_action_alone(p);

	if (is_first_fragment(p) && policy_may_protect(p->dst, p->src) && action <= SPD_BYPASS)
		fragment_remember_in(p, action, SLOT_NONE, 0);
	return action;
}

/* Covers are for this host's addresses alone. A group's packet is this host's, too. */
static __always_inline bool is_for_another_host(void *ctx, const struct packet *p)
{
	return !is_for_group(p) && route_is_to_another(ctx, p->nic.ifindex, p->src, p->dst, p->proto);
}

/* The same, without covers for what is to be forwarded. */
static __always_inline int clear_action_here(void *ctx, struct packet *p)
{
	const int action = clear_action(p);

	return p->covered && action == SPD_PROTECT && is_for_another_host(ctx, p) ? SPD_NONE : action;
}

/* Whether a packet in clear may go on to the host. Counts every drop, and what a rule lets by. ctx: XDP's, or the skb.
 */
static __always_inline bool clear_is_admitted(void *ctx, struct packet *p)
{
	switch (clear_action_here(ctx, p)) {
	case SPD_NONE:
		if (!gre_is_missing(p))
			return true;
		break;
	case SPD_BYPASS:
		count(REASON_BYPASS);
		return true;
	case SPD_IKE:
		count(REASON_IKE);
		return true;
	case SPD_DISCARD:
		count(REASON_DISCARD);
		return false;
	}
	count(REASON_CLEARTEXT_PROTECTED);
	return false;
}

/* The same for a packet of whose header the addresses alone can be relied on. The stack will refuse it; but where a
 * policy may protect something between the two addresses, it is dropped and counted here. */
static __always_inline bool malformed_is_admitted(const struct packet *p)
{
	if (!policy_may_protect(p->dst, p->src))
		return true;
	count(REASON_MALFORMED);
	return false;
}

#endif
