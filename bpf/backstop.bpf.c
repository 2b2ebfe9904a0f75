// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The second wall, behind the programs on the NICs: a netfilter program that knows no NIC and asks the same SPD (Linux 6.4).
 *
 *   POST_ROUTING   what a policy protects or discards leaves by a guarded interface or not at all
 *   PRE_ROUTING    and comes in by one, where it has been decided on
 *
 * An interface is guarded while ours are the first programs on its hooks: a NIC that has just appeared is not, nor is one whose
 * qdisc or link somebody has deleted, or put a program in front of. What stays on this host, over the loopback interface, is nobody's to protect.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "clear.h"
#include "count.h"
#include "datagram.h"
#include "fragments.h"
#include "policy.h"

#define NF_DROP	  0
#define NF_ACCEPT 1

static __always_inline int drop(enum reason reason)
{
	count(reason);
	return NF_DROP;
}

static __always_inline bool is_loopback(const struct net_device *dev)
{
	return dev->flags & LOOPBACK;
}

static __always_inline bool filter_is_first(const struct bpf_mprog_entry *entry, __u32 id)
{
	const struct mini_Qdisc *miniq = tcx_entry_of(entry)->miniq;
	const struct tcf_proto *proto = miniq ? miniq->filter_list : NULL;

	return proto && proto->prio == CLSACT_PRIORITY << 16 && first_filter(proto)->aux->id == id;
}

/* By tcx, or by a filter, in front of which tcx may have others: the loader tells of those. */
static __always_inline bool tc_is_hooked(const struct bpf_mprog_entry *entry, __u32 id)
{
	const struct bpf_prog *first = entry ? entry->fp_items[0].prog : NULL;

	return entry && ((first && first->aux->id == id) || filter_is_first(entry, id));
}

static __always_inline bool xdp_is_hooked(const struct net_device *dev, __u32 id)
{
	const struct bpf_xdp_link *link = dev->xdp_state[XDP_MODE_DRIVER].link;

	return link && link->link.prog->aux->id == id;
}

static __always_inline bool egress_is_hooked(const struct net_device *dev, const struct gate *gate)
{
	return tc_is_hooked(dev->tcx_egress, gate->egress);
}

/*
 * XDP decides in native mode, the tc program in generic mode: on what has not come out of an SA, as the mark tells. Here that is
 * asked again, for the program may have been put back since the packet went by.
 */
static __always_inline bool ingress_is_decided(const struct sk_buff *skb, const struct net_device *dev, const struct gate *gate)
{
	if (gate->mode != PORT_GENERIC)
		return xdp_is_hooked(dev, gate->ingress);
	return cfg.mark ? skb->mark == cfg.mark : tc_is_hooked(dev->tcx_ingress, gate->ingress);
}

static __always_inline const struct gate *gate_of(const struct net_device *dev)
{
	__u32 ifindex = dev->ifindex;

	return bpf_map_lookup_elem(&gates, &ifindex);
}

static __always_inline bool is_no_gate(const struct gate *gate)
{
	return gate->kind == GATE_TAP || gate->kind == GATE_BROKEN;
}

static __always_inline bool guards_egress(const struct net_device *dev)
{
	const struct gate *gate = gate_of(dev);

	return gate && (gate->kind == GATE_ATTACHED ? egress_is_hooked(dev, gate) : !is_no_gate(gate));
}

static __always_inline bool guards_ingress(const struct sk_buff *skb, const struct net_device *dev)
{
	const struct gate *gate = gate_of(dev);

	return gate && (gate->kind == GATE_ATTACHED ? ingress_is_decided(skb, dev, gate) : !is_no_gate(gate));
}

/* As on the NIC: a later fragment goes the way of its first. */
static __always_inline int outbound_action(const struct packet *p)
{
	const struct fragment_value *first = is_later_fragment(p) ? fragment_recall(&fragments_out, p) : NULL;
	struct flow flow = flow_outbound(p);
	int action = first ? first->action : decide(p, &flow, p->sport);

	if (is_first_fragment(p) && policy_may_protect(p->src, p->dst))
		fragment_remember(&fragments_out, p, action, SLOT_NONE, 0);
	return action;
}

static __always_inline int out(struct bpf_nf_ctx *ctx)
{
	const struct net_device *dev = ctx->state->out;
	struct packet p = {};
	int action;

	if (!dev || is_loopback(dev) || guards_egress(dev))
		return NF_ACCEPT;
	if (parse_datagram(ctx->skb, &p) != PARSED_IPV4)
		return policy_may_protect(p.src, p.dst) ? drop(REASON_BACKSTOP_OUT) : NF_ACCEPT;
	action = outbound_action(&p);
	return action == SPD_PROTECT || action == SPD_DISCARD ? drop(REASON_BACKSTOP_OUT) : NF_ACCEPT;
}

static __always_inline int in(struct bpf_nf_ctx *ctx)
{
	const struct net_device *dev = ctx->state->in;
	struct packet p = {};
	int action;

	if (!dev || is_loopback(dev) || guards_ingress(ctx->skb, dev))
		return NF_ACCEPT;
	if (parse_datagram(ctx->skb, &p) != PARSED_IPV4)
		return policy_may_protect(p.dst, p.src) ? drop(REASON_BACKSTOP_IN) : NF_ACCEPT;
	/* The kernel's, or nobody's: there is no SA of ours on this interface. */
	if (p.proto == IPPROTO_ESP)
		return NF_ACCEPT;
	action = clear_action(&p);
	return action == SPD_PROTECT || action == SPD_DISCARD ? drop(REASON_BACKSTOP_IN) : NF_ACCEPT;
}

/* One program for both hooks: the verifier's work on it is what a start waits for. */
SEC("netfilter")
int backstop(struct bpf_nf_ctx *ctx)
{
	return ctx->state->hook == NF_INET_POST_ROUTING ? out(ctx) : in(ctx);
}

char _license[] SEC("license") = "Dual BSD/GPL";
