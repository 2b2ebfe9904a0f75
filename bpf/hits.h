/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Counting by policy: each packet by the rule that decides on it, whatever becomes of it then. A packet that goes two
 * ways is counted on one: arriving in ESP, when it is opened; on its way to the worker, when it leaves; what gates have
 * let by, not by the backstop. A later fragment of a known first is its first's, and not counted; nor is IKE, which no
 * rule decides on.
 */
#ifndef BPF_HITS_H
#define BPF_HITS_H

#include <linux/bpf.h>

#include "cfg.h"
#include "count.h"
#include "parse.h"

#define TCP_DATA_OFFSET 12
#define UDP_HEADER	8

static __always_inline __u32 ip_length(const struct packet *p)
{
	return p->l4_offset - p->l3_offset + p->l4_len;
}

/* Bytes of the header in front of what is cut into segments. */
static __always_inline __u32 l4_header(struct __sk_buff *skb, __u32 proto, __u32 l4_offset)
{
	__u8 offset;

	if (proto != IPPROTO_TCP || bpf_skb_load_bytes(skb, l4_offset + TCP_DATA_OFFSET, &offset, sizeof(offset)))
		return UDP_HEADER;
	return (offset >> 4) * 4;
}

/* How many packets there are in a super-packet. One from a TAP does not say, and the kernel finds out later. A global
 * function for the reason that policy.h gives. */
__noinline int segments(struct __sk_buff *skb, __u32 proto, __u32 l4_offset, __u32 l4_len)
{
	const __u32 size = skb->gso_size;

	if (skb->gso_segs || !size)
		return (int)skb->gso_segs;
	return (int)((l4_len - l4_header(skb, proto, l4_offset) + size - 1) / size);
}

__noinline int hit_counter(__u32 counter, __u32 out, __u32 packets, __u32 bytes)
{
	struct policy_hits *of = bpf_map_lookup_elem(&spd_hits, &counter);
	struct hits *hits;

	if (!of)
		return 0;
	hits = out ? &of->out : &of->in;
	add_here(&hits->packets, packets);
	add_here(&hits->bytes, bytes);
	return 0;
}

/* ---- what a rule has decided on; counter 0, no rule's, costs nothing ---- */

static __always_inline void hit(__u32 counter, bool out, __u32 packets, __u32 bytes)
{
	if (counter)
		hit_counter(counter, out, packets, bytes);
}

static __always_inline void hit_by_skb(struct __sk_buff *skb, const struct packet *p, __u32 counter, bool out)
{
	if (counter)
		hit_counter(counter, out, skb->gso_size ? segments(skb, p->proto, p->l4_offset, p->l4_len) : 1,
			    ip_length(p));
}

#endif
