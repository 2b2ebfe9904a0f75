/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From a frame to what policies and SAs are looked up by:
 *
 *   Ethernet, up to two tags -> IPv4 with options -> ports
 *
 * A cursor walks the headers, with one bounds check per layer.
 */
#ifndef BPF_PARSE_H
#define BPF_PARSE_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <stdbool.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "maps/selector_shared.h"

/* 802.1Q in 802.1ad. */
#define VLAN_TAGS_MAX 2

#define IPV4_OFFSET	    0x1fff
#define IPV4_MORE_FRAGMENTS 0x2000

#define IKE_PORT      500
#define IKE_NATT_PORT 4500

struct vlan_tag {
	__be16 tci;
	__be16 ethertype;
};

struct port_pair {
	__be16 source;
	__be16 dest;
};

/* The furthest that L4 begins in a frame that is looked at: behind all the tags and all the options of IPv4. */
#define L4_OFFSET_MAX (sizeof(struct ethhdr) + VLAN_TAGS_MAX * sizeof(struct vlan_tag) + 60)

/* Where the next header is, and where what can be read ends. */
struct cursor {
	void *pos;
	void *end;
	__u32 frame_len; /* which reaches beyond end where an skb is not linear */
	bool gso;
};

enum ports {
	PORTS_NONE, /* the protocol has none */
	PORTS_KNOWN,
	PORTS_UNKNOWN, /* it has, but a later fragment does not show them, or the header is cut off */
};

/* The NIC that a packet is on (cfg.h). */
struct nic {
	__u32 ifindex;
	__u32 tap;    /* ifindex of its TAP */
	__u32 port;   /* PORT_NONE: nobody serves the NIC */
	bool generic; /* XDP is in generic mode, and the NIC's tc ingress looks at what comes in clear */
};

struct packet {
	struct nic nic;
	__u32 src; /* addresses in network byte order */
	__u32 dst;
	__u32 l4_len; /* what the IPv4 header says follows it */
	__u16 sport;  /* in host order, if ports is PORTS_KNOWN */
	__u16 dport;
	__u16 id; /* of the datagram, in network byte order */
	__u8 proto;
	__u8 ports;	  /* enum ports */
	__be16 ethertype; /* behind the tags */
	__u8 l3_offset;
	__u8 l4_offset;
	bool fragment;
	bool first;    /* at offset 0 of its datagram */
	bool group;    /* its Ethernet destination is a group, or all */
	bool covered;  /* what was decided on it rests on a connection for another address (policy.h) */
	__u32 counter; /* of the rule that has decided on it (hits.h); 0: none */
};

/* How far a frame could be parsed. */
enum parsed {
	PARSED_OTHER,	  /* not IPv4 */
	PARSED_STACK,	  /* more tags than are looked behind */
	PARSED_SHORT,	  /* the frame, or the linear part of it, ends before the addresses */
	PARSED_MALFORMED, /* addresses and protocol are there, the rest contradicts itself */
	PARSED_IPV4,
};

/* The next size bytes, and moves the cursor behind them; NULL, and the cursor stays: they are not there. */
static __always_inline void *cursor_take(struct cursor *c, __u32 size)
{
	void *at = c->pos;

	if (at + size > c->end)
		return NULL;
	c->pos = at + size;
	return at;
}

static __always_inline bool is_vlan(__be16 ethertype)
{
	return ethertype == bpf_htons(ETH_P_8021Q) || ethertype == bpf_htons(ETH_P_8021AD);
}

/* Parses Ethernet and up to VLAN_TAGS_MAX tags, and leaves the cursor behind the last. False: a header is cut off. */
static __always_inline bool parse_ethernet(struct cursor *c, struct packet *p)
{
	struct ethhdr *eth = cursor_take(c, sizeof(*eth));
	struct vlan_tag *tag;
	void *pos;

	if (!eth)
		return false;
	p->group = eth->h_dest[0] & 1;
	p->ethertype = eth->h_proto;
#pragma unroll
	for (int i = 0; i < VLAN_TAGS_MAX; i++) {
		if (!is_vlan(p->ethertype))
			break;
		tag = cursor_take(c, sizeof(*tag));
		if (!tag)
			return false;
		p->ethertype = tag->ethertype;
	}
	/* A difference, unknown to the verifier: it would follow each number of tags to the end by itself. */
	pos = c->pos;
	asm volatile("" : "+r"(pos));
	p->l3_offset = pos - (void *)eth;
	return true;
}

/* Whether by its IPv4 header the packet has ports behind that. */
static __always_inline bool shows_ports(const struct packet *p)
{
	return selector_has_ports(p->proto) && p->first && p->l4_len >= sizeof(struct port_pair);
}

static __always_inline void take_ports(const struct port_pair *pair, struct packet *p)
{
	p->sport = bpf_ntohs(pair->source);
	p->dport = p->proto == IPPROTO_ICMP ? p->sport : bpf_ntohs(pair->dest);
	p->ports = PORTS_KNOWN;
}

static __always_inline void parse_ports(struct cursor c, struct packet *p)
{
	struct port_pair *pair;

	p->ports = selector_has_ports(p->proto) ? PORTS_UNKNOWN : PORTS_NONE;
	if (!shows_ports(p))
		return;
	pair = cursor_take(&c, sizeof(*pair));
	if (pair)
		take_ports(pair, p);
}

/* The packet's length by its header, or of a TCP super-packet beyond 64 KB, which says 0 there (BIG TCP), by the frame.
 */
static __always_inline __u32 total_length(const struct cursor *c, const struct packet *p, const struct iphdr *ip)
{
	__u32 total = bpf_ntohs(ip->tot_len);

	return total || !c->gso ? total : c->frame_len - p->l3_offset;
}

/* Fills p, but for the ports, from an IPv4 header. total: bytes that the packet says it has; room: bytes that there
 * are. */
static __always_inline enum parsed take_ipv4(const struct iphdr *ip, __u32 total, __u32 room, struct packet *p)
{
	const __u32 header = ip->ihl * 4;

	p->src = ip->saddr;
	p->dst = ip->daddr;
	p->id = ip->id;
	p->proto = ip->protocol;
	p->fragment = ip->frag_off & bpf_htons(IPV4_MORE_FRAGMENTS | IPV4_OFFSET);
	p->first = !(ip->frag_off & bpf_htons(IPV4_OFFSET));
	if (ip->version != 4 || header < sizeof(*ip) || total < header || total > room)
		return PARSED_MALFORMED;
	p->l4_len = total - header;
	p->l4_offset = p->l3_offset + header;
	return PARSED_IPV4;
}

/* Parses IPv4 and ports, and leaves the cursor behind the options. */
static __always_inline enum parsed parse_ipv4(struct cursor *c, struct packet *p)
{
	struct iphdr *ip = cursor_take(c, sizeof(*ip));
	enum parsed parsed;

	if (!ip)
		return PARSED_SHORT;
	parsed = take_ipv4(ip, total_length(c, p, ip), c->frame_len - p->l3_offset, p);
	if (parsed != PARSED_IPV4)
		return parsed;
	c->pos = (void *)ip + ip->ihl * 4;
	parse_ports(*c, p);
	return PARSED_IPV4;
}

/*
 * Parses a frame. More tags than VLAN_TAGS_MAX are PARSED_STACK, and not just another protocol: the kernel takes off as
 * many tags as there are, if they are of VLAN 0 or it has the VLANs, and would find an IPv4 packet that was not looked
 * at here. Any other Ethernet type that may have a packet inside gives that to an interface of its own, or to nobody
 * (docs/architecture.md).
 */
static __always_inline enum parsed parse_frame(struct cursor *c, struct packet *p)
{
	if (!parse_ethernet(c, p))
		return PARSED_SHORT;
	if (is_vlan(p->ethertype))
		return PARSED_STACK;
	return p->ethertype == bpf_htons(ETH_P_IP) ? parse_ipv4(c, p) : PARSED_OTHER;
}

/* Whether the packet may be IKE, by UDP and port. port: of the end that would be this host's daemon. */
static __always_inline bool is_ike(const struct packet *p, __u16 port)
{
	return p->proto == IPPROTO_UDP && p->ports == PORTS_KNOWN && (port == IKE_PORT || port == IKE_NATT_PORT);
}

#endif
