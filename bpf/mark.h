/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The mark of what came out of an SA. It stays with a packet whatever unpacks it, and a NIC in generic mode may be a
 * tunnel's (VXLAN): what that unpacks comes by an SA of another NIC's. So on the way from the TAP to such a NIC the
 * mark is one that only that NIC takes, and has the right one behind it.
 */
#ifndef BPF_MARK_H
#define BPF_MARK_H

#include "cfg.h"

/* None of those that another port has, nor cfg.mark, nor what an unmarked packet has. */
static __always_inline __u32 handover_mark(__u32 port)
{
	const __u32 mark = ~cfg.mark ^ port;

	return mark ? mark : 1U << 16;
}

/* At the TAP. */
static __always_inline void hand_over(struct __sk_buff *skb, const struct nic *nic)
{
	skb->mark = cfg.mark && nic->generic ? handover_mark(nic->port) : cfg.mark;
}

/* At the NIC. What another NIC's SA has brought has no mark from here on. Without a mark to tell them by, nothing is
 * taken for opened. */
static __always_inline bool is_handed_over(struct __sk_buff *skb, const struct nic *nic)
{
	const __u32 mark = skb->mark;

	if (!cfg.mark)
		return false;
	if (mark == handover_mark(nic->port)) {
		skb->mark = cfg.mark;
		return true;
	}
	/* The hook goes before the mode, and comes after it. */
	if (mark == cfg.mark && !nic->generic)
		return true;
	if (mark == cfg.mark)
		skb->mark = 0;
	return false;
}

#endif
