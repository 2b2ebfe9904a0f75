/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A packet that the worker has opened, on its way to the host. The worker has compared it with the SA's selector; here
 * the SPD must not bypass or discard it (RFC 4301 section 5.2, step 4). A packet that no policy is for may go on: SAs
 * need no policy. An ICMP error may be about anything but what other peers alone have seen (icmp_forged.h).
 */
#ifndef BPF_OPENED_H
#define BPF_OPENED_H

#include "count.h"
#include "hits.h"
#include "icmp_forged.h"
#include "policy.h"
#include "skb.h"

/* Gives its Ethernet type back to a packet that the worker itself has made (HOST_TAG_ETHERTYPE). False: no memory. */
static __always_inline bool host_tag_is_taken_off(struct __sk_buff *skb, const struct packet *p)
{
	const __be16 type = bpf_htons(ETH_P_IP);

	return !bpf_skb_store_bytes(skb, p->l3_offset - sizeof(type), &type, sizeof(type), 0);
}

/* Whether the packet may go on to the host. Packets here are whole, because the worker puts fragments together, and
 * IPv4. */
static __always_inline bool opened_is_admitted(struct __sk_buff *skb, const struct nic *nic)
{
	struct packet p = {.nic = *nic};
	enum parsed parsed = parse_skb(skb, &p);
	struct flow flow;
	int action;

	if (parsed == PARSED_OTHER && p.ethertype == bpf_htons(HOST_TAG_ETHERTYPE) && host_tag_is_taken_off(skb, &p))
		return true;
	if (parsed != PARSED_IPV4) {
		count(REASON_MALFORMED);
		return false;
	}
	flow = flow_inbound(&p);
	action = policy_decide(&flow);
	hit_by_skb(skb, &p, flow.counter, false);
	if (!is_at_odds(action))
		return !icmp_is_refused_by_quote(skb, &p, ICMP_OPENED);
	count(REASON_POLICY_MISMATCH);
	return false;
}

#endif
