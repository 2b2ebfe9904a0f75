/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Multicast and broadcast for the peers of connections with gre = yes, in GRE (RFC 2784) without checksum and key:
 *
 *   NIC egress    from the host      a copy for each peer, with IP and GRE in front        gre_egress
 *   NIC egress    such a copy        the kernel finds its route and its neighbour          gre_route
 *   NIC egress    once more          a packet between two hosts as any other: SPD, SA, TAP
 *   TAP ingress   out of GRE         the NIC's ingress, if the peer may say that           gre_admit
 *
 * No packet goes round: one that is marked as opened, or came in by this NIC, is not put into GRE.
 */
#ifndef BPF_GRE_H
#define BPF_GRE_H

#include <linux/if_packet.h>

#include "hits.h"
#include "policy.h"
#include "sa.h"
#include "skb.h"

#define GRE_TTL	 64
#define ECN_MASK 3

struct gre_headers {
	struct ethhdr eth;
	struct iphdr ip;
	__be16 flags; /* and version: all 0 */
	__be16 protocol;
} __attribute__((packed));

#define GRE_OVERHEAD (sizeof(struct gre_headers) - sizeof(struct ethhdr))

/* The IP ID of the next copy, which may be fragmented later. */
static __u32 gre_next_id;

static __always_inline bool is_multicast(__u32 addr)
{
	return (addr & bpf_htonl(0xf0000000)) == bpf_htonl(0xe0000000);
}

static __always_inline struct gre_port *gre_of(__u32 port)
{
	return bpf_map_lookup_elem(&gre, &port);
}

/* Scans are global functions here for the reason that policy.h gives. */

/* One of the addresses and masks of a gre_port, which are all where a word may be. */
static __always_inline __u32 gre_word(const __u8 *at)
{
	__u32 word;

	__builtin_memcpy(&word, __builtin_assume_aligned(at, sizeof(word)), sizeof(word));
	return word;
}

/* Whether addr is an address of the NIC, or, with want_broadcast, a directed broadcast address of it: 1 or 0. */
__noinline int gre_is_of_nic(__u32 port, __u32 addr, int want_broadcast)
{
	const struct gre_port *g = gre_of(port);
	const __u8 *first;

	if (!g || !addr)
		return 0;
	first = want_broadcast ? g->addresses[0].broadcast : g->addresses[0].addr;
	for (__u32 i = 0; i < GRE_ADDRESSES_MAX && i < g->address_count; i++)
		if (gre_word(first + i * sizeof(g->addresses[0])) == addr)
			return 1;
	return 0;
}

static __always_inline bool is_broadcast(__u32 port, __u32 addr)
{
	return addr == 0xffffffff || gre_is_of_nic(port, addr, true);
}

/* Whether multicast and broadcast of that host are taken from GRE alone: 1 or 0. */
__noinline int gre_is_source(__u32 port, __u32 addr)
{
	const struct gre_port *g = gre_of(port);

	if (!g)
		return 0;
	for (__u32 i = 0; i < GRE_SOURCES_MAX && i < g->source_count; i++)
		if (!((addr ^ gre_word(g->sources[i].prefix)) & gre_word(g->sources[i].mask)))
			return 1;
	return 0;
}

/* Whether the packet may be for a group, told without a map: every broadcast address ends in two bits of 1. */
static __always_inline bool may_be_group(const struct packet *p)
{
	return p->group || is_multicast(p->dst) || (p->dst & bpf_htonl(3)) == bpf_htonl(3);
}

static __always_inline bool is_for_group(const struct packet *p)
{
	return may_be_group(p) && (is_multicast(p->dst) || is_broadcast(p->nic.port, p->dst));
}

/* Whether a policy lets the packet's group by. A rule for the group holds both ways and for all speakers; a rule for
 * everything (0.0.0.0/0) is not one for a group. */
static __always_inline bool group_is_bypassed(const struct packet *p)
{
	struct flow flow = flow_outbound(p);

	return policy_decide(&flow) == SPD_BYPASS && flow.origin;
}

/* Whether multicast or broadcast has arrived without GRE, of a host whose are taken from GRE alone. */
static __always_inline bool gre_is_missing(const struct packet *p)
{
	return may_be_group(p) && gre_is_source(p->nic.port, p->src) && is_for_group(p) && !group_is_bypassed(p);
}

/* Whether multicast or broadcast leaves by a NIC that sends it in GRE. What leaves by a VLAN on top of the NIC does
 * not. */
static __always_inline bool gre_takes(const struct __sk_buff *skb, const struct packet *p)
{
	return (p->group || is_multicast(p->dst)) && p->l3_offset == sizeof(struct ethhdr) && !skb->vlan_present &&
	       gre_of(p->nic.port) && (is_multicast(p->dst) || is_broadcast(p->nic.port, p->dst));
}

/* ---- out ---- */

static __always_inline __u16 ip_checksum(const struct iphdr *ip)
{
	const __u16 *word = (const void *)ip;
	__u32 sum = 0;

#pragma unroll
	for (int i = 0; i < (int)sizeof(*ip) / 2; i++)
		sum += word[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return ~((sum & 0xffff) + (sum >> 16));
}

static __always_inline struct gre_headers gre_headers_of(const struct iphdr *inner)
{
	return (struct gre_headers){
		.eth.h_proto = bpf_htons(ETH_P_IP),
		.ip =
			{
				.version = 4,
				.ihl = sizeof(struct iphdr) / 4,
				/* RFC 6040 4.3, compatibility mode: marks outside are not for inside. */
				.tos = inner->tos & ~ECN_MASK,
				.tot_len = bpf_htons(bpf_ntohs(inner->tot_len) + GRE_OVERHEAD),
				/* No DF: a group is told of no path MTU. */
				.ttl = GRE_TTL,
				.protocol = IPPROTO_GRE,
			},
		.protocol = bpf_htons(ETH_P_IP),
	};
}

/* Makes room for the headers. False: the packet would be too long, or there is no memory. The kernel, which cuts a
 * super-packet later, is told what the headers are. */
static __always_inline bool gre_make_room(struct __sk_buff *skb, const struct iphdr *inner)
{
	__u64 flags = BPF_F_ADJ_ROOM_FIXED_GSO | BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 | BPF_F_ADJ_ROOM_ENCAP_L4_GRE;

	return bpf_ntohs(inner->tot_len) + GRE_OVERHEAD <= 0xffff &&
	       !bpf_skb_adjust_room(skb, GRE_OVERHEAD, BPF_ADJ_ROOM_MAC, skb->gso_size ? flags : 0);
}

/* Writes the headers of the copy for a peer. Its Ethernet addresses of 0 say that it has to be routed, and what becomes
 * of it is counted when it is. A global function, so that the verifier sees it once and not for each peer. */
__noinline int gre_write(struct __sk_buff *skb, struct gre_headers *h, const struct gre_peer *peer)
{
	if (!h || !peer)
		return false;
	__builtin_memcpy(&h->ip.saddr, peer->local, sizeof(h->ip.saddr));
	__builtin_memcpy(&h->ip.daddr, peer->remote, sizeof(h->ip.daddr));
	h->ip.id = bpf_htons((__u16)__sync_fetch_and_add(&gre_next_id, 1));
	h->ip.check = 0;
	h->ip.check = ip_checksum(&h->ip);
	return !bpf_skb_store_bytes(skb, 0, h, sizeof(*h), 0);
}

/*
 * The verdict on every packet that gre_takes(): it leaves in GRE or not at all. Each peer gets a clone, the last one
 * the packet itself: were that dropped, the stack would take it for an error, and send no further fragment of the
 * datagram.
 */
__noinline int gre_egress(struct __sk_buff *skb)
{
	const struct nic nic = nic_of(skb->ifindex);
	const struct gre_port *g = gre_of(nic.port);
	__u32 last = g ? g->peer_count - 1 : GRE_PEERS_MAX;
	struct gre_headers h;
	struct iphdr inner;

	if ((cfg.mark && skb->mark == cfg.mark) || skb->ingress_ifindex == nic.ifindex)
		return tc_drop(REASON_GRE_LOOP);
	if (!g || last >= GRE_PEERS_MAX)
		return tc_drop(REASON_NO_SA);
	if (bpf_skb_load_bytes(skb, sizeof(struct ethhdr), &inner, sizeof(inner)))
		return tc_drop(REASON_MALFORMED);
	if (inner.protocol == IPPROTO_ESP)
		return tc_drop(REASON_NESTED_ESP);
	if (!gre_make_room(skb, &inner))
		return tc_drop(REASON_TOO_BIG);
	h = gre_headers_of(&inner);
	/* The copies are this host's own, also of what it only passes on. */
	bpf_skb_change_type(skb, PACKET_HOST);
	for (__u32 i = 0; i < GRE_PEERS_MAX && i < last; i++)
		if (gre_write(skb, &h, &g->peers[i]))
			bpf_clone_redirect(skb, nic.ifindex, 0);
	return gre_write(skb, &h, &g->peers[last]) ? (int)bpf_redirect(nic.ifindex, 0) : tc_drop(REASON_MALFORMED);
}

/* Whether the packet is a copy that gre_egress() made. Nobody else sends from an Ethernet address of 0, and who did
 * would only be routed. */
static __always_inline bool gre_is_unrouted(struct __sk_buff *skb, const struct packet *p)
{
	__u8 source[ETH_ALEN];

	return p->proto == IPPROTO_GRE && !bpf_skb_load_bytes(skb, ETH_ALEN, source, sizeof(source)) &&
	       !(source[0] | source[1] | source[2] | source[3] | source[4] | source[5]);
}

/* Has the kernel find the copy's route and neighbour, whereupon it leaves once more, with its Ethernet header. */
static __always_inline int gre_route(const struct packet *p)
{
	struct flow flow = flow_outbound(p);

	/* The policy of the connection is there before its NIC is told of it, but people can put others before it. */
	if (policy_decide(&flow) != SPD_PROTECT)
		return tc_drop(REASON_GRE_REFUSED);
	count(REASON_GRE_SENT);
	return (int)bpf_redirect_neigh(p->nic.ifindex, NULL, 0, 0);
}

/* ---- in ---- */

/* Whether the SA's peer may send a packet with that source address: its own, or one that no other SA would have to
 * vouch for. An address of this host, of a group or of a broadcast is nobody's to send from. */
static __always_inline bool gre_may_say(const struct sa_state *sa, const struct packet *p)
{
	struct locals_key local;
	__u32 peer, ours;

	__builtin_memcpy(local.addr, &p->src, sizeof(local.addr));
	__builtin_memcpy(&peer, sa->src, sizeof(peer));
	__builtin_memcpy(&ours, sa->dst, sizeof(ours));
	if (is_multicast(p->src) || p->src == 0xffffffff || gre_is_of_nic(p->nic.port, p->src, true) ||
	    gre_is_of_nic(p->nic.port, p->src, false) || bpf_map_lookup_elem(&locals, &local))
		return false;
	return p->src == peer || !policy_may_protect(ours, p->src);
}

/* mac: the Ethernet address for the packet's group (RFC 1112 section 6.4), or of all for a broadcast. False: the packet
 * is for neither. */
static __always_inline bool gre_address(__u8 mac[ETH_ALEN], const struct packet *p)
{
	const __u32 dst = p->dst;
	const __u32 group = bpf_ntohl(dst);
	const __u8 to[ETH_ALEN] = {1, 0, 0x5e, group >> 16 & 0x7f, group >> 8, group};

	if (is_multicast(dst))
		__builtin_memcpy(mac, to, ETH_ALEN);
	else if (is_broadcast(p->nic.port, dst))
		__builtin_memset(mac, 0xff, ETH_ALEN);
	else
		return false;
	return true;
}

static __always_inline bool gre_is_discarded(const struct packet *p)
{
	struct flow flow = flow_inbound(p);

	return policy_decide(&flow) == SPD_DISCARD;
}

/* Whether GRE between the SA's two hosts, with p in it, is at odds with the SPD. The worker has taken off the outer
 * packet; that is checked here, and counted, as everything that comes out of an SA is (opened.h). */
static __always_inline bool gre_is_at_odds(const struct sa_state *sa, const struct packet *p)
{
	struct flow flow = {.proto = IPPROTO_GRE, .ports = PORTS_NONE};
	int action;

	__builtin_memcpy(&flow.local, sa->dst, sizeof(flow.local));
	__builtin_memcpy(&flow.remote, sa->src, sizeof(flow.remote));
	action = policy_decide(&flow);
	hit(flow.counter, false, 1, GRE_OVERHEAD + ip_length(p));
	return is_at_odds(action);
}

static __always_inline bool gre_refuse(struct sa_state *sa, enum reason reason)
{
	count_sa(sa, reason);
	return false;
}

/* Whether a packet that the worker has taken out of GRE may go on to the host; the worker has found it well-formed.
 * Gives the Ethernet header back. False: it was counted, and is to be dropped. */
static __always_inline bool gre_admit(struct __sk_buff *skb, const struct nic *nic)
{
	const __be16 type = bpf_htons(ETH_P_IP);
	struct packet p = {.nic = *nic};
	struct sa_state *sa;
	__u8 mac[ETH_ALEN];
	struct tx_tag tag;

	if (bpf_skb_load_bytes(skb, 0, &tag, sizeof(tag)) ||
	    bpf_skb_store_bytes(skb, offsetof(struct ethhdr, h_proto), &type, sizeof(type), 0)) {
		count(REASON_MALFORMED);
		return false;
	}
	sa = sa_find_tagged(&tag);
	if (!sa) {
		count(REASON_NO_SA);
		return false;
	}
	if (parse_skb(skb, &p) != PARSED_IPV4 || !gre_may_say(sa, &p) || !gre_address(mac, &p))
		return gre_refuse(sa, REASON_GRE_REFUSED);
	if (p.proto == IPPROTO_ESP)
		return gre_refuse(sa, REASON_NESTED_ESP);
	if (gre_is_at_odds(sa, &p))
		return gre_refuse(sa, REASON_POLICY_MISMATCH);
	if (gre_is_discarded(&p))
		return gre_refuse(sa, REASON_DISCARD);
	if (bpf_skb_store_bytes(skb, 0, mac, sizeof(mac), 0))
		return gre_refuse(sa, REASON_MALFORMED);
	count(REASON_GRE_RECEIVED);
	return true;
}

#endif
