/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reading a packet in a netfilter hook, where a packet begins with its IPv4 header. The headers are copied out, because
 * they may lie in several pieces of memory. */
#ifndef BPF_DATAGRAM_H
#define BPF_DATAGRAM_H

#include <linux/ipv6.h>

#include "kernel.h"
#include "icmp_quote.h"
#include "parse.h"

/* Kernel functions (Linux 6.4), which are found by name when the program is loaded. */
extern int bpf_dynptr_from_skb(struct sk_buff *skb, __u64 flags, struct bpf_dynptr *ptr) __ksym;

/* What parse_ports() does in a frame. offset: of L4, bytes. */
static __always_inline void read_ports(struct bpf_dynptr *ptr, __u32 offset, struct packet *p)
{
	struct port_pair pair;

	p->ports = selector_has_ports(p->proto) ? PORTS_UNKNOWN : PORTS_NONE;
	if (shows_ports(p) && !bpf_dynptr_read(&pair, sizeof(pair), ptr, offset, 0))
		take_ports(&pair, p);
}

/*
 * What parse_frame() does with a frame: an enum parsed. at: of the IPv4 header, bytes. After PARSED_SHORT p is as it
 * was. These are global functions, which the verifier checks by themselves: each way through a header would be another
 * state for all that follows.
 */
__noinline int parse_datagram(struct bpf_nf_ctx *ctx, __u32 at, struct packet *p)
{
	const __u32 room = ctx->skb->len - at;
	enum parsed parsed;
	struct bpf_dynptr ptr;
	struct iphdr ip;

	/* To the verifier the argument of a global function may be NULL. */
	if (!p || bpf_dynptr_from_skb(ctx->skb, 0, &ptr) || bpf_dynptr_read(&ip, sizeof(ip), &ptr, at, 0))
		return PARSED_SHORT;
	parsed = take_ipv4(&ip, ip.tot_len ? bpf_ntohs(ip.tot_len) : room, room, p);
	if (parsed == PARSED_IPV4)
		read_ports(&ptr, at + ip.ihl * 4, p);
	return parsed;
}

/* Each route in a row makes two: IPv6 and a routing header. */
#define WRAPPERS_MAX 16

/*
 * Where the IPv4 packet begins that IPv6 with routing headers, or an Ethernet frame in these, is wrapped around; 0:
 * there is none. A global function, which the verifier checks by itself: each place would be another way for it.
 */
__noinline __u32 find_wrapped(struct bpf_nf_ctx *ctx)
{
	__u8 next = IPPROTO_IPV6, head[8];
	struct bpf_dynptr ptr;
	__u32 at = 0;

	if (bpf_dynptr_from_skb(ctx->skb, 0, &ptr))
		return 0;
	for (int i = 0; i < WRAPPERS_MAX && !bpf_dynptr_read(head, sizeof(head), &ptr, at, 0); i++) {
		switch (next) {
		case IPPROTO_IPIP:
			return at;
		case IPPROTO_IPV6:
			next = head[6];
			at += sizeof(struct ipv6hdr);
			break;
		case IPPROTO_ROUTING:
			next = head[0];
			at += (head[1] + 1) * 8;
			break;
		case IPPROTO_ETHERNET:
			next = IPPROTO_IPIP;
			at += sizeof(struct ethhdr);
			break;
		default:
			return 0;
		}
	}
	return 0;
}

/* q: the packet that a message of ICMP quotes, which is `at` bytes into the skb; with ports if the quote reaches to
 * them. 1, or 0: no header of it is there. */
__noinline int parse_quote(struct bpf_nf_ctx *ctx, __u32 at, struct packet *q)
{
	struct bpf_dynptr ptr;
	struct iphdr ip;

	at += sizeof(struct icmp_header);
	if (!q || bpf_dynptr_from_skb(ctx->skb, 0, &ptr) || bpf_dynptr_read(&ip, sizeof(ip), &ptr, at, 0))
		return 0;
	/* The quote is cut off, as a rule: its lengths say what was sent. */
	take_ipv4(&ip, bpf_ntohs(ip.tot_len), 0xffff, q);
	read_ports(&ptr, at + ip.ihl * 4, q);
	return 1;
}

/* The same of the packet p, whose own header is `outer` bytes into it. */
static __always_inline bool parse_quoted(struct bpf_nf_ctx *ctx, __u32 outer, const struct packet *p, struct packet *q)
{
	return !p->fragment && parse_quote(ctx, outer + p->l4_offset, q);
}

#endif
