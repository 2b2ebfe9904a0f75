/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reading the headers of an skb, whose linear part may end before they do. */
#ifndef BPF_SKB_H
#define BPF_SKB_H

#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include "count.h"
#include "parse.h"

/*
 * To the next program, and at the end on its way: TCX_NEXT for tcx, and for
 * clsact in direct action the value that lets the following filters have a say.
 */
#define TC_NEXT TC_ACT_UNSPEC

/* All that is ever looked at: the headers up to L4, and the ports. */
#define HEADERS_MAX (L4_OFFSET_MAX + sizeof(struct port_pair))

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

static __always_inline bool wants_more(enum parsed parsed, const struct packet *p)
{
	return parsed == PARSED_SHORT || (parsed == PARSED_IPV4 && p->ports == PORTS_UNKNOWN && shows_ports(p));
}

/*
 * A tag in skb->vlan_tci is out of band: the frame begins as if it had none.
 * Headers are pulled only when they are not linear, for a TCP super-packet's
 * linear part is often exactly its headers.
 */
static __always_inline enum parsed parse_skb(struct __sk_buff *skb, struct packet *p)
{
	enum parsed parsed = parse_linear(skb, p);

	if (!wants_more(parsed, p))
		return parsed;
	/* Without memory for it what is unread stays unread, and is taken for the worst. */
	bpf_skb_pull_data(skb, skb->len < HEADERS_MAX ? skb->len : HEADERS_MAX);
	return parse_linear(skb, p);
}

#endif
