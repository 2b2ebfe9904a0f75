/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * An ICMP error quotes a packet, and what a policy protects is nobody's to quote but the two ends', to each other, in
 * an SA (RFC 4301 section 6.2). What else does is dropped, whoever it seems to be from, and whatever policies say of
 * ICMP:
 *
 * - comes in clear, and quotes what this host has sent. A router sees ESP and quotes that (icmp.h), and what the peer
 *   has to say comes in an SA: so it is made up, to end a connection or to lower an MTU;
 * - comes out of an SA, and quotes what this host has sent to another peer, which this one has not seen either;
 * - leaves in clear, and quotes what came out of an SA, which it would show to all on the way.
 *
 * What comes in clear and quotes the daemon's own IKE may be true, and is dropped, too: the daemon hears of none, and
 * sends without DF, while the kernel would learn a route or an MTU by it for all that goes to the peer.
 *
 * What this host only forwards is not its own to protect, and so covers (policy.h) have no say in errors about that.
 */
#ifndef BPF_ICMP_FORGED_H
#define BPF_ICMP_FORGED_H

#include "count.h"
#include "icmp_quote.h"
#include "ike.h"
#include "policy.h"
#include "route.h"
#include "xdp.h"

enum icmp_way {
	ICMP_COMES,
	ICMP_OPENED,
	ICMP_LEAVES,
};

enum quoted {
	QUOTES_NOTHING,
	QUOTES_COVERED, /* what only a cover protects, if its source is this host's */
	QUOTES_PROTECTED,
	QUOTES_IKE,
};

/* Whether a policy protects the quoted packet, which this host has sent. ESP is what the wire has seen. */
static __always_inline enum quoted quoted_of(const struct packet *q)
{
	struct flow flow = flow_outbound(q);

	if (is_ike(q, q->sport) && policy_has_connection(q->src, q->dst))
		return QUOTES_IKE;
	if (q->proto == IPPROTO_ESP || policy_decide(&flow) != SPD_PROTECT)
		return QUOTES_NOTHING;
	return flow.cover ? QUOTES_COVERED : QUOTES_PROTECTED;
}

/* Of one that has come, whether it came out of an SA. What only a cover protects has no SA to come by. */
static __always_inline bool quotes_opened(const struct packet *q)
{
	struct flow flow = flow_inbound(q);

	return q->proto != IPPROTO_ESP && decide(&flow, is_ike(q, q->dport)) == SPD_PROTECT && !flow.cover;
}

/* Where an ICMP error is in its frame, and which way it goes. */
struct icmp_error {
	__u32 ifindex; /* of the NIC that it comes by */
	__u32 offset;  /* of ICMP */
	__u32 len;
	__u32 from; /* network byte order */
	__u8 fragment;
	__u8 way; /* enum icmp_way */
};

static __always_inline struct icmp_error icmp_error_of(const struct packet *p, enum icmp_way way)
{
	return (struct icmp_error){
		.ifindex = p->nic.ifindex,
		.offset = p->l4_offset,
		.len = p->l4_len,
		.from = p->src,
		.fragment = p->fragment,
		.way = way,
	};
}

/* What may not be quoted, if q is that. */
static __always_inline enum quoted quoted_in(void *ctx, const struct icmp_error *e, const struct packet *q)
{
	enum quoted quoted;

	if (e->way == ICMP_LEAVES)
		return quotes_opened(q) ? QUOTES_PROTECTED : QUOTES_NOTHING;
	if (e->way == ICMP_OPENED && q->dst == e->from)
		return QUOTES_NOTHING;
	quoted = quoted_of(q);
	if (quoted == QUOTES_COVERED && route_is_to_another(ctx, e->ifindex, q->dst, q->src, q->proto))
		return QUOTES_NOTHING;
	return quoted;
}

static __always_inline enum reason reason_by_quote(enum quoted quoted)
{
	return quoted == QUOTES_IKE ? REASON_ICMP_IGNORED : REASON_ICMP_FORGED;
}

/*
 * Whether an ICMP error at the cursor is refused. ctx: XDP's, or the skb. It is when its quote cannot be read, since
 * the quote may be of any packet; an error that has no quote at all may go by, since the kernel has no use for it.
 */
static __always_inline bool icmp_is_forged(void *ctx, const struct cursor *c, const struct icmp_error *e)
{
	const bool has_quote = e->len >= sizeof(struct icmp_header) + sizeof(struct iphdr);
	enum quoted quoted = has_quote || e->fragment ? QUOTES_PROTECTED : QUOTES_NOTHING;
	struct packet q = {};

	if (parse_icmp_about(*c, e->len, &q))
		quoted = quoted_in(ctx, e, &q);
	if (quoted == QUOTES_NOTHING)
		return false;
	count(reason_by_quote(quoted));
	return true;
}

/* Global functions, as the scans of the SPD are, for the reason that policy.h gives. 1 or 0. */

__noinline int xdp_icmp_is_forged(struct xdp_md *ctx, __u32 offset, __u32 len, __u32 fragment)
{
	const struct icmp_error e = {
		.ifindex = ctx->ingress_ifindex, .len = len, .fragment = fragment, .way = ICMP_COMES};
	struct cursor c = xdp_cursor(ctx);

	return !xdp_move_to(&c, offset) || icmp_is_forged(ctx, &c, &e);
}

__noinline int skb_icmp_is_forged(struct __sk_buff *skb, struct icmp_error *e)
{
	struct cursor c;
	__u32 wanted;

	/* To the verifier the argument of a global function may be NULL. */
	if (!e)
		return 1;
	wanted = e->offset + ICMP_QUOTE_MAX;
	/* What cannot be had for want of memory is not readable. */
	bpf_skb_pull_data(skb, skb->len < wanted ? skb->len : wanted);
	c.pos = (void *)(long)skb->data;
	c.end = (void *)(long)skb->data_end;
	if (e->offset > L4_OFFSET_MAX || !cursor_take(&c, e->offset))
		return 1;
	return icmp_is_forged(skb, &c, e);
}

/* Whether the packet is an ICMP error that is refused. */
static __always_inline bool icmp_is_refused_by_quote(struct __sk_buff *skb, const struct packet *p, enum icmp_way way)
{
	struct icmp_error e = icmp_error_of(p, way);

	return icmp_is_error(p) && skb_icmp_is_forged(skb, &e);
}

#endif
