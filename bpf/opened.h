/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the worker hands over: it came out of an SA, whose selector is looked at there, and has to be what policies
 * protect (RFC 4301 section 5.2, step 4). What no policy is for is the SA's own business.
 */
#ifndef BPF_OPENED_H
#define BPF_OPENED_H

#include "count.h"
#include "policy.h"
#include "skb.h"

/* The worker's own word, not a peer's. Gives it the Ethernet type back. */
static __always_inline bool host_tag_is_taken_off(struct __sk_buff *skb, const struct packet *p)
{
	const __be16 type = bpf_htons(ETH_P_IP);

	return !bpf_skb_store_bytes(skb, p->l3_offset - sizeof(type), &type, sizeof(type), 0);
}

/* Packets here are whole: the worker puts fragments together. It writes nothing else than IPv4. */
static __always_inline bool opened_is_admitted(struct __sk_buff *skb, const struct nic *nic)
{
	struct packet p = {.nic = *nic};
	enum parsed parsed = parse_skb(skb, &p);
	struct flow flow;

	if (parsed == PARSED_OTHER && p.ethertype == bpf_htons(HOST_TAG_ETHERTYPE) && host_tag_is_taken_off(skb, &p))
		return true;
	if (parsed != PARSED_IPV4) {
		count(REASON_MALFORMED);
		return false;
	}
	flow = flow_inbound(&p);
	if (!is_at_odds(policy_decide(&flow)))
		return true;
	count(REASON_POLICY_MISMATCH);
	return false;
}

#endif
