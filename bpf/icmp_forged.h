/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ICMP errors in clear about packets that a policy protects are dropped, whoever they seem to be from. Nobody but this
 * host and its peer has seen such a packet: a router sees ESP and quotes that (icmp.h), and what the peer has to say
 * comes in an SA. So the sender has made the quote up, to end a connection or to lower a route's MTU.
 */
#ifndef BPF_ICMP_FORGED_H
#define BPF_ICMP_FORGED_H

#include "count.h"
#include "icmp_quote.h"
#include "ike.h"
#include "policy.h"

/* Whether a policy protects the quoted packet. The daemon's own IKE is in clear, and ESP is what the wire has seen. */
static __always_inline bool quotes_protected(const struct packet *q)
{
	struct flow flow = flow_outbound(q);

	return q->proto != IPPROTO_ESP && decide(&flow, is_ike(q, q->sport)) == SPD_PROTECT;
}

/*
 * Whether an ICMP error, len bytes at the cursor, is refused. It is when its quote cannot be read, since the quote may
 * be of any packet; an error that has no quote at all may go by, since the kernel has no use for it.
 */
static __always_inline bool icmp_is_forged(const struct cursor *c, __u32 len, bool fragment)
{
	const bool has_quote = len >= sizeof(struct icmp_header) + sizeof(struct iphdr);
	struct packet q = {};

	if (parse_icmp_about(*c, len, &q) ? !quotes_protected(&q) : !has_quote && !fragment)
		return false;
	count(REASON_ICMP_FORGED);
	return true;
}

/* Global functions, as the scans of the SPD are, for the reason that policy.h gives. 1 or 0. */

__noinline int xdp_icmp_is_forged(struct xdp_md *ctx, __u32 offset, __u32 len, __u32 fragment)
{
	struct cursor c = {.pos = (void *)(long)ctx->data, .end = (void *)(long)ctx->data_end};

	/* Both are so by how the frame was parsed, which the verifier does not know here. */
	if (offset > L4_OFFSET_MAX || !cursor_take(&c, offset))
		return 1;
	return icmp_is_forged(&c, len, fragment);
}

__noinline int skb_icmp_is_forged(struct __sk_buff *skb, __u32 offset, __u32 len, __u32 fragment)
{
	const __u32 wanted = offset + ICMP_QUOTE_MAX;
	struct cursor c;

	/* What cannot be had for want of memory is not readable. */
	bpf_skb_pull_data(skb, skb->len < wanted ? skb->len : wanted);
	c.pos = (void *)(long)skb->data;
	c.end = (void *)(long)skb->data_end;
	if (offset > L4_OFFSET_MAX || !cursor_take(&c, offset))
		return 1;
	return icmp_is_forged(&c, len, fragment);
}

#endif
