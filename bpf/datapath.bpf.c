// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * BPF classifies, the worker does the cryptography. One object serves all NICs:
 *
 *   xdp_ingress   NIC, XDP          ESP -> worker; protected traffic in clear -> dropped; path MTU from ICMP
 *   nic_ingress   NIC, tc ingress   the latter, where XDP is generic
 *   tc_egress     NIC, tc egress    protected traffic -> TAP, worker
 *   tap_ingress   TAP, tc ingress   what the worker opened -> NIC's ingress, marked
 *   tap_steering  TAP, egress       which of its queues
 *
 * gre.h has what multicast in GRE adds to the last two.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "capture.h"
#include "clear.h"
#include "count.h"
#include "egress.h"
#include "esp.h"
#include "hits.h"
#include "icmp.h"
#include "icmp_forged.h"
#include "mark.h"
#include "opened.h"
#include "skb.h"
#include "urgent.h"
#include "xdp.h"

/* jumbo: ctx has the first buffer of a frame that may have more. */
static __always_inline int ingress(struct xdp_md *ctx, bool jumbo)
{
	const __u32 first_len = (__u32)((void *)(long)ctx->data_end - (void *)(long)ctx->data);
	const __u32 frame_len = jumbo ? bpf_xdp_get_buff_len(ctx) : first_len;
	struct packet p = {.nic = nic_of(ctx->ingress_ifindex)};
	const enum parsed parsed = parse_xdp(ctx, &p, frame_len);
	bool admitted;

	/* Too short for the addresses is too short for the stack, unless they are in another buffer. */
	if (parsed == PARSED_SHORT && jumbo && frame_len > first_len) {
		count(REASON_MALFORMED);
		return XDP_DROP;
	}
	if (parsed == PARSED_STACK) {
		count(REASON_VLAN_STACK);
		return XDP_DROP;
	}
	if (parsed == PARSED_OTHER || parsed == PARSED_SHORT)
		return XDP_PASS;
	if (p.proto == IPPROTO_ESP)
		return parsed == PARSED_IPV4 ? esp_ingress(ctx, &p) : esp_unclaimed(&p, REASON_MALFORMED);
	if (p.proto == IPPROTO_ICMP && parsed == PARSED_IPV4 && icmp_is_about_esp(ctx, &p))
		return XDP_DROP;
	/* Generic XDP sees what came out of an SA once more, and cannot see its mark. */
	if (p.nic.generic)
		return XDP_PASS;
	if (parsed == PARSED_MALFORMED)
		return malformed_is_admitted(&p) ? XDP_PASS : XDP_DROP;
	if (icmp_is_error(&p) && xdp_icmp_is_forged(ctx, p.l4_offset, p.l4_len, p.fragment))
		return XDP_DROP;
	admitted = clear_is_admitted(ctx, &p);
	hit(p.counter, false, 1, ip_length(&p));
	return admitted ? XDP_PASS : XDP_DROP;
}

SEC("xdp")
int xdp_ingress(struct xdp_md *ctx)
{
	const int verdict = ingress(ctx, false);

	if (verdict == XDP_DROP)
		capture_xdp(ctx, (__u32)((void *)(long)ctx->data_end - (void *)(long)ctx->data));
	return verdict;
}

/* Linux 5.18. */
SEC("xdp.frags")
int xdp_ingress_jumbo(struct xdp_md *ctx)
{
	const int verdict = ingress(ctx, true);

	if (verdict == XDP_DROP)
		capture_xdp(ctx, (__u32)bpf_xdp_get_buff_len(ctx));
	return verdict;
}

static __always_inline int nic_ingress_verdict(struct __sk_buff *skb)
{
	struct packet p = {.nic = nic_of(skb->ifindex)};
	enum parsed parsed;
	bool admitted;

	if (is_handed_over(skb, &p.nic))
		return TC_NEXT;
	parsed = parse_skb(skb, &p);
	if (parsed == PARSED_OTHER)
		return TC_NEXT;
	if (parsed == PARSED_SHORT || parsed == PARSED_STACK) {
		count(parsed == PARSED_STACK ? REASON_VLAN_STACK : REASON_MALFORMED);
		return TC_ACT_SHOT;
	}
	/* XDP has decided on ESP. */
	if (p.proto == IPPROTO_ESP)
		return TC_NEXT;
	if (parsed == PARSED_MALFORMED)
		return malformed_is_admitted(&p) ? TC_NEXT : TC_ACT_SHOT;
	if (icmp_is_refused_by_quote(skb, &p, ICMP_COMES))
		return TC_ACT_SHOT;
	admitted = clear_is_admitted(skb, &p);
	hit_by_skb(skb, &p, p.counter, false);
	return admitted ? TC_NEXT : TC_ACT_SHOT;
}

SEC("tc")
int nic_ingress(struct __sk_buff *skb)
{
	const int verdict = nic_ingress_verdict(skb);

	if (verdict == TC_ACT_SHOT)
		capture_skb(skb, SA_INBOUND);
	return verdict;
}

static __always_inline int tc_egress_verdict(struct __sk_buff *skb)
{
	struct packet p = {.nic = nic_of(skb->ifindex)};

	switch (parse_skb(skb, &p)) {
	case PARSED_OTHER:
		return TC_NEXT;
	case PARSED_STACK:
		return tc_drop(REASON_VLAN_STACK);
	case PARSED_SHORT:
		return tc_drop(REASON_MALFORMED);
	case PARSED_MALFORMED:
		return policy_may_protect(p.src, p.dst) || gre_takes(skb, &p) ? tc_drop(REASON_MALFORMED) : TC_NEXT;
	case PARSED_IPV4:
		return egress_ipv4(skb, &p);
	}
	return TC_ACT_SHOT;
}

SEC("tc")
int tc_egress(struct __sk_buff *skb)
{
	const int verdict = tc_egress_verdict(skb);

	if (verdict == TC_ACT_SHOT)
		capture_skb(skb, SA_OUTBOUND);
	return verdict;
}

SEC("tc")
int tap_ingress(struct __sk_buff *skb)
{
	const struct nic nic = nic_of(skb->ifindex);

	if (!(skb->protocol == bpf_htons(GRE_TAG_ETHERTYPE) ? gre_admit(skb, &nic) : opened_is_admitted(skb, &nic))) {
		capture_skb(skb, SA_INBOUND);
		return TC_ACT_SHOT;
	}
	hand_over(skb, &nic);
	return (int)bpf_redirect(nic.ifindex, BPF_F_INGRESS);
}

/* Which pair of queues: that of the lane whose SA it is, or by the slot. IKE's slots go in pairs, inbound and outbound,
 * so the hash is not the slot. */
static __always_inline __u32 tap_pair_of(const struct __sk_buff *skb, __u32 slot)
{
	const struct sa_state *sa = bpf_map_lookup_elem(&sa_state, &slot);
	const __u32 only = 0;
	const struct cpu_lane *here = bpf_map_lookup_elem(&cpu_lane, &only);

	if (!sa || !sa->lane || !here || !here->lanes)
		return slot * 0x9e3779b1 >> 16;
	return queue_of_lane(nic_of(skb->ifindex).port, sa->lane - 1U, here->lanes);
}

/*
 * TAP, choice of the queue (the kernel takes the result modulo their number): always the same two for what an SA
 * carries, the first for bulk.
 */
SEC("socket")
int tap_steering(struct __sk_buff *skb)
{
	__u32 at = ETH_HLEN, queue;
	struct tx_tag tag;
	__be16 type;
	__u8 ip[10];

	if (bpf_skb_load_bytes(skb, ETH_ALEN, &tag, sizeof(tag)) < 0 ||
	    bpf_skb_load_bytes(skb, 2 * ETH_ALEN, &type, sizeof(type)) < 0)
		return 0;
	if (is_vlan(type))
		at += 4;
	queue = 2 * tap_pair_of(skb, tx_tag_slot(&tag));
	return (int)(bpf_skb_load_bytes(skb, at, ip, sizeof(ip)) < 0 ? queue : queue + is_urgent(ip));
}

char _license[] SEC("license") = "Dual BSD/GPL";
