// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The second wall, behind the programs on the NICs: a netfilter program that knows no NIC and asks the same SPD
 * (Linux 6.6).
 *
 *   POST_ROUTING   what a policy protects or discards leaves by a guarded interface or not at all
 *   PRE_ROUTING    and comes in by one, where it has been decided on
 *   LOCAL_IN       the same for what a connection covers besides: this host's other addresses
 *
 * A route that encapsulates ('ip route ... encap') leads around these, since the packet is no IPv4 where it leaves, or
 * has not been at PRE_ROUTING when it was taken out of another:
 *
 *   POST_ROUTING           a route that wraps behind it (MPLS) counts as an interface without a gate
 *   POST_ROUTING of IPv6   what a route has wrapped before (seg6)
 *   FORWARD, LOCAL_IN      what a route has taken out (seg6local)
 *
 * NAT may have sent on to another host what was for this one, which FORWARD decides on, or to this host what was for
 * another.
 *
 * An interface is guarded while ours are the first programs on its hooks: a NIC that has just appeared is not, nor is
 * one whose qdisc or link somebody has deleted, or put a program in front of. What stays on this host, over the
 * loopback interface, is nobody's to protect.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

/* Of what this host itself sends. */
#define IN_PROCESS

#include "capture.h"
#include "clear.h"
#include "count.h"
#include "datagram.h"
#include "fragments.h"
#include "hits.h"
#include "icmp_forged.h"
#include "ike.h"
#include "mark.h"
#include "policy.h"

#define NF_DROP	  0
#define NF_ACCEPT 1

/* Whether routes that encapsulate, NAT, and what interfaces stand on are looked at. The loader says no where a kernel
 * refuses the program that does. */
const volatile bool sees_all = true;

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
	return tc_is_hooked(dev->tcx_egress, gate->egress) ||
	       (gate->egress_next && tc_is_hooked(dev->tcx_egress, gate->egress_next));
}

/* XDP decides in native mode, the tc program in generic mode. */
static __always_inline bool ingress_runs(const struct net_device *dev, const struct gate *gate, __u32 id)
{
	return gate->mode == PORT_GENERIC ? tc_is_hooked(dev->tcx_ingress, id) : xdp_is_hooked(dev, id);
}

static __always_inline bool ingress_is_hooked(const struct net_device *dev, const struct gate *gate)
{
	return ingress_runs(dev, gate, gate->ingress) ||
	       (gate->ingress_next && ingress_runs(dev, gate, gate->ingress_next));
}

static __always_inline const struct gate *gate_at(__u32 ifindex)
{
	return bpf_map_lookup_elem(&gates, &ifindex);
}

static __always_inline const struct gate *gate_of(const struct net_device *dev)
{
	return gate_at(dev->ifindex);
}

/* Of what stands on others, whose gate is theirs: covered, or open because one of them is. */
static __always_inline bool is_derived(const struct gate *gate)
{
	return gate->kind == GATE_COVERED || (gate->kind == GATE_OPEN && !gate->nic);
}

/* By our programs, or a person's word. */
static __always_inline bool guards_itself(const struct net_device *dev, const struct gate *gate, bool out)
{
	if (gate->kind == GATE_ATTACHED)
		return out ? egress_is_hooked(dev, gate) : ingress_is_hooked(dev, gate);
	return gate->kind == GATE_OPEN && gate->nic;
}

/* ---- what stands on others ---- */

/* The devices right below one, as far as they have been looked at. */
struct lowers {
	const struct list_head *at, *end;
	bool out;
};

typedef long look(__u32 n, struct lowers *l);

/* Of one device. Beyond, it is closed: a packet is not to keep its CPU longer than some microseconds. */
#define LOWERS_MAX 256

/*
 * The entry of what stands on others tells what was so when a daemon looked last. Since then a bridge may have got
 * another port, or another NIC for one, and nobody need be running who hears of it: so those below are asked, all of
 * them. A VRF's are not, since packets meet these hooks again on the interface by which they leave.
 */
static __always_inline bool stands_on_guarded(const struct net_device *dev, bool out, look *look_below)
{
	struct lowers l = {.at = dev->adj_list.lower.next, .end = &dev->adj_list.lower, .out = out};

	if (is_vrf(dev))
		return true;
	if (l.at == l.end)
		return false;
	bpf_loop(LOWERS_MAX, look_below, &l, 0);
	return l.at == l.end;
}

/* look_below: NULL below the last storey. Where nobody can look, what a daemon has seen last has to do. */
static __always_inline bool guards(const struct net_device *dev, bool out, look *look_below)
{
	const struct gate *gate = gate_of(dev);

	if (gate && is_derived(gate))
		return !sees_all || (look_below && stands_on_guarded(dev, out, look_below));
	return gate && guards_itself(dev, gate, out);
}

static __always_inline long look_at(struct lowers *l, look *look_below)
{
	const struct netdev_adjacent *adjacent = adjacent_of(l->at);

	if (!guards(adjacent->dev, l->out, look_below))
		return 1;
	l->at = adjacent->list.next;
	return l->at == l->end ? 1 : 0;
}

/* BPF has no recursion: each storey has a function. A macvlan on a bridge on a VLAN on a bond has as many, and what has
 * more is closed. */
static long look_1st(__u32 n __attribute__((unused)), struct lowers *l)
{
	return look_at(l, NULL);
}

static long look_2nd(__u32 n __attribute__((unused)), struct lowers *l)
{
	return look_at(l, look_1st);
}

static long look_3rd(__u32 n __attribute__((unused)), struct lowers *l)
{
	return look_at(l, look_2nd);
}

static long look_4th(__u32 n __attribute__((unused)), struct lowers *l)
{
	return look_at(l, look_3rd);
}

static __always_inline bool guards_egress(const struct net_device *dev)
{
	return guards(dev, true, look_4th);
}

static __always_inline bool guards_ingress(const struct net_device *dev)
{
	return guards(dev, false, look_4th);
}

/* By a person's word, or for one of the NICs below, if that guards what stands on it. */
static __always_inline bool has_open_gate(const struct net_device *dev)
{
	const struct gate *gate = gate_of(dev);

	return gate && gate->kind == GATE_OPEN;
}

/* ---- packets ---- */

/* Whether a route has taken the packet out of another since PRE_ROUTING. */
static __always_inline bool by_route(const struct sk_buff *skb)
{
	return sees_all && is_taken_out(skb);
}

static __always_inline bool sees_nat(const struct sk_buff *skb)
{
	return sees_all && conntrack_is_known(skb);
}

/* Whether NAT has given the packet another source, or another destination. */
static __always_inline bool is_renamed(const struct sk_buff *skb, bool source)
{
	return sees_nat(skb) && is_translated(skb, source);
}

/* Of one to which NAT has given another destination, it is as it was on the wire. */
static __always_inline void take_back_nat(const struct sk_buff *skb, struct packet *p)
{
	p->dst = destination_before_nat(skb);
	if (p->ports == PORTS_KNOWN && proto_has_ports(p->proto))
		p->dport = bpf_ntohs(port_before_nat(skb));
}

/* Of a packet that a VRF has got, it is asked where that got it from. */
static __always_inline const struct gate *gate_that_brought(const struct sk_buff *skb, const struct net_device *dev)
{
	return is_vrf(dev) ? gate_at(((const struct inet_skb_parm *)skb->cb)->iif) : gate_of(dev);
}

/*
 * Whether the packet is out of an SA itself, and not out of what an SA has brought: the mark stays with what a tunnel
 * (VXLAN, GRE, IPIP) unpacks, and whose inner source anybody at the tunnel's other end has chosen.
 */
static __always_inline bool is_opened(const struct sk_buff *skb, const struct net_device *dev)
{
	const struct gate *gate = cfg.mark ? gate_that_brought(skb, dev) : NULL;

	if (!gate)
		return false;
	/* Somebody else's program has kept the packet from ours. */
	if (skb->mark == handover_mark(gate->port))
		return gate->kind == GATE_ATTACHED || gate->kind == GATE_BROKEN;
	/* Ours takes it from what another NIC's SA has brought. */
	if (gate->kind == GATE_ATTACHED && gate->mode == PORT_GENERIC && !is_vrf(dev) && !ingress_is_hooked(dev, gate))
		return false;
	return skb->mark == cfg.mark && (gate->kind == GATE_ATTACHED || gate->kind == GATE_BROKEN ||
					 gate->kind == GATE_COVERED || gate->kind == GATE_PARTLY);
}

/*
 * What came out of an SA bears the mark, wherever it goes up from the NIC. What does not is decided on once more, on an
 * attached NIC, too: the program may have been put back since the packet went by, and there are drivers that forget XDP
 * on queues that they make later. Without a mark the gate's word has to do.
 */
static __always_inline bool is_let_in(const struct sk_buff *skb, const struct net_device *dev)
{
	const bool tells = cfg.mark || by_route(skb);

	if (tells && is_opened(skb, dev))
		return true;
	return (!tells || has_open_gate(dev)) && guards_ingress(dev);
}

static __always_inline bool is_ike_sent(const struct sk_buff *skb, const struct packet *p)
{
	const struct sock *sk = skb->sk;

	/* Read once: the verifier knows of this one that it is there. */
	asm volatile("" : "+r"(sk));
	return is_ike(p, p->sport) && sk && is_daemons_socket(sk->__sk_common.skc_cookie.counter);
}

/* As on the NIC: a later fragment goes the way of its first. */
static __always_inline int outbound_action(const struct sk_buff *skb, bool forwarded, struct packet *p)
{
	const struct fragment_value *first = is_later_fragment(p) ? fragment_recall_out(p) : NULL;
	struct flow flow = flow_outbound(p);
	int action = first ? first->action : decide(&flow, is_ike_sent(skb, p));

	p->counter = flow.counter;
	/* Covers are for what this host says, also in another's name (egress.h). */
	if (action == SPD_PROTECT && flow.cover && forwarded && !is_renamed(skb, true))
		action = SPD_NONE;

	if (is_first_fragment(p) && policy_may_protect(p->src, p->dst))
		fragment_remember_out(p, action, SLOT_NONE, 0);
	return action;
}

/* at: of the IPv4 header, bytes. forwarded: and not wrapped on this host. */
static __always_inline int decide_out(struct bpf_nf_ctx *ctx, __u32 at, bool forwarded)
{
	struct sk_buff *skb = ctx->skb;
	struct packet p = {}, quoted = {};
	int action;

	if (parse_datagram(ctx, at, &p) != PARSED_IPV4)
		return policy_may_protect(p.src, p.dst) ? drop(REASON_BACKSTOP_OUT) : NF_ACCEPT;
	action = outbound_action(skb, forwarded, &p);
	/* The kernel cuts packets behind this hook, so a message is whole. */
	if (action != SPD_PROTECT && action != SPD_DISCARD && icmp_is_error(&p) && parse_quoted(ctx, at, &p, &quoted) &&
	    quotes_opened(&quoted))
		return drop(REASON_ICMP_FORGED);
	if (action != SPD_PROTECT && action != SPD_DISCARD)
		return NF_ACCEPT;
	hit(p.counter, true, segments_in(skb), ip_length(&p));
	return drop(REASON_BACKSTOP_OUT);
}

/* A gate that people have opened is open also for what is rewritten behind this hook, and leaves by that interface. */
static __always_inline bool lets_out(const struct sk_buff *skb, const struct net_device *dev)
{
	return (!sees_all || !is_rewritten_later(skb) || has_open_gate(dev)) && guards_egress(dev);
}

/*
 * Where in an IPv6 packet the IPv4 packet begins that a route has wrapped on this host; 0: it is not such a one. What
 * came as IPv6 is other people's, whatever is in it.
 */
static __always_inline __u32 wrapped_here(struct bpf_nf_ctx *ctx)
{
	return !ctx->skb->skb_iif || came_as_ipv4(ctx->skb) ? find_wrapped(ctx) : 0;
}

static __always_inline int out(struct bpf_nf_ctx *ctx)
{
	const struct net_device *dev = ctx->state->out;
	const bool ipv6 = sees_all && ctx->state->pf == FAMILY_IPV6;
	const __u32 at = ipv6 ? wrapped_here(ctx) : 0;

	if (ipv6 ? !at : !dev || is_loopback(dev) || lets_out(ctx->skb, dev))
		return NF_ACCEPT;
	return decide_out(ctx, at, ctx->skb->skb_iif && !ctx->state->sk);
}

/*
 * Covers are for this host's own addresses, of which nothing is known before the kernel has asked for the route; and
 * what NAT has sent on had one of them.
 */
static __always_inline bool is_anothers(__u8 hook, bool sent_on)
{
	return hook == NF_INET_PRE_ROUTING || (hook == NF_INET_FORWARD && !sent_on);
}

/* Whether the program on a NIC has asked whose address it was before NAT. Of a port of what has the routes it would
 * have asked others (VRF). */
static __always_inline bool has_asked_routes(const struct net_device *dev)
{
	const struct gate *gate = gate_of(dev);

	return gate && gate->kind == GATE_ATTACHED && guards_itself(dev, gate, false);
}

/*
 * Whether it is an error about what a policy protects. Whether what only a cover does is this host's is known where it
 * is delivered. One in fragments shows its quote where the kernel has put it together, and nobody believes it before.
 */
static __always_inline enum quoted quoted_in_error(struct bpf_nf_ctx *ctx, const struct packet *p, bool first)
{
	const bool here = ctx->state->hook == NF_INET_LOCAL_IN;
	struct packet q = {};
	enum quoted quoted;

	if ((!first && !here) || !icmp_is_error(p) || !parse_quoted(ctx, 0, p, &q))
		return QUOTES_NOTHING;
	quoted = quoted_of(&q);
	if (quoted == QUOTES_COVERED ? here : first || was_in_fragments(ctx->skb))
		return quoted;
	return QUOTES_NOTHING;
}

/*
 * What a rule takes by this host's address is decided on at PRE_ROUTING. Behind that it came out of an SA, whatever a
 * firewall has made of the mark since.
 */
static __always_inline int in(struct bpf_nf_ctx *ctx)
{
	const struct net_device *dev = ctx->state->in;
	struct sk_buff *skb = ctx->skb;
	const __u8 hook = ctx->state->hook;
	struct packet p = {};
	bool routed, renamed, first;
	enum quoted quoted;
	__u32 dst;
	int action;

	if (!dev || is_loopback(dev) || is_let_in(skb, dev))
		return NF_ACCEPT;
	routed = by_route(skb);
	renamed = hook != NF_INET_PRE_ROUTING && is_renamed(skb, false);
	first = hook == NF_INET_PRE_ROUTING || routed;
	if (hook == NF_INET_FORWARD && !routed && (!renamed || has_asked_routes(dev)))
		return NF_ACCEPT;
	p.nic = nic_of(dev->ifindex);
	if (parse_datagram(ctx, 0, &p) != PARSED_IPV4)
		return policy_may_protect(p.dst, p.src) ? drop(REASON_BACKSTOP_IN) : NF_ACCEPT;
	/* The kernel's, or nobody's: there is no SA of ours on this interface. */
	if (p.proto == IPPROTO_ESP)
		return NF_ACCEPT;
	quoted = quoted_in_error(ctx, &p, first);
	if (quoted != QUOTES_NOTHING)
		return drop(reason_by_quote(quoted));
	dst = p.dst;
	if (renamed)
		take_back_nat(skb, &p);
	action = clear_action(&p);
	if (p.covered ? is_anothers(hook, p.dst != dst) : !first && sees_nat(skb))
		return NF_ACCEPT;
	if (action != SPD_PROTECT && action != SPD_DISCARD)
		return NF_ACCEPT;
	hit(p.counter, false, segments_in(skb), ip_length(&p));
	return drop(REASON_BACKSTOP_IN);
}

/* For a capture: behind an Ethernet header that tells what the packet is, since here it has none. */
__noinline int capture_backstop(struct bpf_nf_ctx *ctx)
{
	const bool leaves = ctx->state->hook == NF_INET_POST_ROUTING;
	const struct net_device *dev = leaves ? ctx->state->out : ctx->state->in;
	const __u32 len = ctx->skb->len, room = CAPTURE_DROP_BYTES - sizeof(struct ethhdr);
	const __u32 caplen = len < room ? len : room;
	struct ethhdr eth = {.h_proto = bpf_htons(ctx->state->pf == FAMILY_IPV6 ? ETH_P_IPV6 : ETH_P_IP)};
	struct capture_drop *drop =
		capture_reserve(sizeof(eth) + len, dev ? dev->ifindex : 0, leaves ? SA_OUTBOUND : SA_INBOUND);
	struct bpf_dynptr ptr;
	long err;

	if (!drop)
		return 0;
	__builtin_memcpy(drop->frame, &eth, sizeof(eth));
	err = bpf_dynptr_from_skb(ctx->skb, 0, &ptr) || bpf_dynptr_read(drop->frame + sizeof(eth), caplen, &ptr, 0, 0);
	capture_submit(drop, sizeof(eth) + caplen, err);
	return 0;
}

/* One program for all hooks: the verifier's work on it is what a start waits for. */
SEC("netfilter")
int backstop(struct bpf_nf_ctx *ctx)
{
	const int verdict = ctx->state->hook == NF_INET_POST_ROUTING ? out(ctx) : in(ctx);

	if (verdict == NF_DROP)
		capture_backstop(ctx);
	return verdict;
}

char _license[] SEC("license") = "Dual BSD/GPL";
