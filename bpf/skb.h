/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reading the headers of an skb, whose linear part may end before they do. */
#ifndef BPF_SKB_H
#define BPF_SKB_H

#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include "count.h"
#include "parse.h"

/*
 * The verdict that lets a packet go on to the next program, and behind the last one on its way: TCX_NEXT of tcx, and of
 * clsact in direct action the value by which the following filters have a say.
 */
#define TC_NEXT TC_ACT_UNSPEC

/* All that is ever looked at: the headers up to L4, and the ports. */
#define HEADERS_MAX (L4_OFFSET_MAX + sizeof(struct port_pair))

/* The verdict that drops a packet, counted for that reason. */
static __always_inline int tc_drop(enum reason reason)
{
	count(reason);
	return TC_ACT_SHOT;
}

static __always_inline enum parsed parse_linear(struct __sk_buff *skb, struct packet *p)
{
	struct cursor c = {
		.pos = (void *)(long)skb->data,
		.end = (void *)(long)skb->data_end,
		.frame_len = skb->len,
		.gso = skb->gso_size,
	};

	return parse_frame(&c, p);
}

/* Whether what is missing may be in the part of the skb that is not linear. */
static __always_inline bool wants_more(enum parsed parsed, const struct packet *p)
{
	return parsed == PARSED_SHORT || (parsed == PARSED_IPV4 && p->ports == PORTS_UNKNOWN && shows_ports(p));
}

/*
 * Parses the skb's frame (parse_frame): enum parsed. A tag in skb->vlan_tci is not in the frame, and not looked at.
 * Headers are pulled into the linear part only when they are not there, since a TCP super-packet's linear part is often
 * exactly its headers. p->nic is there before.
 *
 * A global function, after which the verifier knows nothing of p: inlined, each way through the headers would be
 * another way through all that follows.
 */
__noinline int parse_skb(struct __sk_buff *skb, struct packet *p)
{
	enum parsed parsed;

	if (!p)
		return PARSED_STACK;
	parsed = parse_linear(skb, p);
	if (!wants_more(parsed, p))
		return parsed;
	/* Without memory for it what is unread stays unread, and is taken for the worst. */
	bpf_skb_pull_data(skb, skb->len < HEADERS_MAX ? skb->len : HEADERS_MAX);
	return parse_linear(skb, p);
}

#endif
