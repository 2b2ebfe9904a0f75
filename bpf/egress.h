/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A packet that leaves and that a policy protects goes to the worker through the TAP, with the slot of its SA, or is
 * dropped: it never leaves in clear. */
#ifndef BPF_EGRESS_H
#define BPF_EGRESS_H

#include <linux/if_packet.h>

#include "fragments.h"
#include "gre.h"
#include "hits.h"
#include "icmp_forged.h"
#include "ike.h"
#include "maps/tap_pairs.h"
#include "policy.h"
#include "route.h"
#include "sa.h"
#include "skb.h"

static __always_inline int egress_refuse(struct sa_state *sa, enum reason reason)
{
	count_sa(sa, reason);
	return TC_ACT_SHOT;
}

/* What sad_out has for the packet's addresses and that selector, or NULL. */
static __always_inline const struct sad_out_value *binding(const struct packet *p, const struct selector *sel)
{
	struct sad_out_key key = {.sel = *sel};

	__builtin_memcpy(key.src, &p->src, sizeof(key.src));
	__builtin_memcpy(key.dst, &p->dst, sizeof(key.dst));
	return bpf_map_lookup_elem(&sad_out, &key);
}

/* The SA for the packet's protocol and one of its two ports, or NULL. A child is so narrow when the peer has narrowed
 * it, and an SA of 'sa add ... sel'. */
static __always_inline const struct sad_out_value *find_by_port(const struct packet *p, const struct flow *f)
{
	struct selector sel = {SELECTOR_ANY_PORT, .proto = p->proto};
	const struct sad_out_value *found;

	sel.remote_port_min = sel.remote_port_max = f->remote_port;
	found = binding(p, &sel);
	if (found)
		return found;
	sel.remote_port_min = 0;
	sel.remote_port_max = 0xffff;
	sel.local_port_min = sel.local_port_max = f->local_port;
	return binding(p, &sel);
}

/*
 * The SA that carries the packet, or NULL: the one with the rule's own selector, which is one lookup and all that most
 * packets need; else the narrowest that takes the packet, by port, by protocol, for everything, in at most four lookups
 * more. A connection's rule takes no SA that is wider than the rule: such an SA is another child's, and a strict peer
 * drops what comes by a child that its policy did not make.
 */
static __always_inline const struct sad_out_value *find_binding(const struct packet *p, const struct flow *f)
{
	const bool may_be_wider = f->owner != OWNER_IKE;
	struct selector sel = {SELECTOR_ANY_PORT, .proto = p->proto};
	const struct sad_out_value *found = binding(p, &f->rule);

	if (!found && p->ports == PORTS_KNOWN && (may_be_wider || takes_any_port(&f->rule)))
		found = find_by_port(p, f);
	if (!found && (may_be_wider || !f->rule.proto))
		found = binding(p, &sel);
	sel.proto = 0;
	return found || !may_be_wider ? found : binding(p, &sel);
}

static __always_inline int drop_and_acquire(const struct packet *p, const struct flow *f)
{
	event_acquire(p, f->place, 0);
	return tc_drop(REASON_NO_SA);
}

/*
 * 1 + the number of the lane that seals what this CPU sends by the NIC; 0: whichever. A NIC that has fewer queues to
 * send by than there are lanes has as many lanes as these: SAs of the others would be sealed by the same ones.
 */
static __always_inline __u32 lane_here(const struct packet *p)
{
	const __u32 only = 0, index = p->nic.port;
	const struct cpu_lane *here = bpf_map_lookup_elem(&cpu_lane, &only);
	const struct port *port = bpf_map_lookup_elem(&ports, &index);
	__u32 pairs;

	if (!here || !here->lane || !port)
		return 0;
	pairs = tap_pairs(port->queues, port->tx_queues);
	if (pairs < 2)
		return 0;
	if (pairs >= here->lanes)
		return here->lane;
	return 1 + lane_of_queue(index, queue_of_lane(index, here->lane - 1, here->lanes) % pairs, here->lanes);
}

/*
 * Of an SA that the peer takes others beside (RFC 9611), the one of this CPU's lane in its place: so each lane seals
 * with a sequence number of its own. While the lane has none it is asked for, and this one carries the packet.
 */
static __always_inline struct sa_state *find_of_lane(const struct packet *p, const struct flow *f, struct sa_state *sa,
						     struct sad_out_value *out)
{
	struct sad_out_key key = {.lane = lane_here(p)};
	const struct sad_out_value *own;
	struct sa_state *found;

	if (!key.lane)
		return sa;
	__builtin_memcpy(key.src, &p->src, sizeof(key.src));
	__builtin_memcpy(key.dst, &p->dst, sizeof(key.dst));
	key.sel = sa->sel;
	own = bpf_map_lookup_elem(&sad_out, &key);
	found = own ? sa_find(own->slot, own->generation) : NULL;
	if (!found) {
		event_acquire(p, f->place, key.lane);
		return sa;
	}
	*out = *own;
	return found;
}

/* Writes the slot in place of the Ethernet source address, which is the NIC's own in every frame and put back by the
 * worker, and redirects the packet to the TAP. Without a worker the packet is dropped. */
static __always_inline int hand_to_tap(struct __sk_buff *skb, const struct packet *p, struct sa_state *sa,
				       const struct sad_out_value *out)
{
	struct tx_tag tag = tx_tag_of(out->slot, out->generation);
	__u32 first_queue = p->nic.port * QUEUES_MAX;

	if (!bpf_map_lookup_elem(&xsks, &first_queue))
		return egress_refuse(sa, REASON_NO_WORKER);
	if (bpf_skb_store_bytes(skb, offsetof(struct ethhdr, h_source), &tag, sizeof(tag), 0))
		return egress_refuse(sa, REASON_NO_WORKER);
	return (int)bpf_redirect(p->nic.tap, 0);
}

/* What a protect rule has decided on, f, goes to the worker or is dropped. A cover has no SA (policy.h). */
static __always_inline int protect(struct __sk_buff *skb, const struct packet *p, const struct flow *f)
{
	const struct sad_out_value *found;
	struct sad_out_value out;
	struct sa_state *sa;

	if (p->proto == IPPROTO_ESP)
		return tc_drop(REASON_NESTED_ESP);
	if (f->cover)
		return tc_drop(REASON_NO_SA);
	found = find_binding(p, f);
	sa = found ? sa_find(found->slot, found->generation) : NULL;
	if (!sa)
		return drop_and_acquire(p, f);
	out = *found;
	if (sa->flags & SA_LANES)
		sa = find_of_lane(p, f, sa, &out);
	if (!sa_is_on_this_nic(p, sa->ifindex))
		return egress_refuse(sa, REASON_NO_SA);
	if (!sa_is_alive(p, sa, out.slot))
		return egress_refuse(sa, REASON_LIFETIME_EXPIRED);
	if (!sa_has_sequence(p, sa, out.slot))
		return egress_refuse(sa, REASON_SEQ_OVERFLOW);
	if (is_first_fragment(p))
		fragment_remember_out(p, SPD_PROTECT, out.slot, out.generation);
	return hand_to_tap(skb, p, sa, &out);
}

/* A later fragment goes by its first one's SA, because the worker puts the datagram together and seals it as one. It
 * gets no other's fragments for that. */
static __always_inline int protect_later(struct __sk_buff *skb, const struct packet *p,
					 const struct fragment_value *first)
{
	const struct sad_out_value out = {.slot = first->slot, .generation = first->generation};
	struct sa_state *sa;

	if (fragment_is_of_either(p, first))
		return tc_drop(REASON_FRAG_OVERLAP);
	sa = sa_find(out.slot, out.generation);
	if (!sa)
		return tc_drop(REASON_NO_SA);
	return sa_is_on_this_nic(p, sa->ifindex) ? hand_to_tap(skb, p, sa, &out) : egress_refuse(sa, REASON_NO_SA);
}

/* Of a packet that goes by in clear, whether it gives away one that came out of an SA. Not asked of a datagram's later
 * fragments, which share the first one's lot. */
static __always_inline bool gives_away(struct __sk_buff *skb, const struct packet *p, int action)
{
	return action != SPD_PROTECT && action != SPD_DISCARD && icmp_is_refused_by_quote(skb, p, ICMP_LEAVES);
}

/*
 * Whether what this host forwards bears an address of its own, by NAT: its answer would be for this host. That is asked
 * by this NIC, as clear.h will, and by where the packet came from, which may have other routes (VRF), or be a number in
 * another namespace.
 */
static __always_inline bool is_in_our_name(struct __sk_buff *skb, const struct packet *p)
{
	const long way = route_ask(skb, p->nic.ifindex, p->dst, p->src, p->proto);

	return way < 0 || way == BPF_FIB_LKUP_RET_NOT_FWDED ||
	       route_ask(skb, skb->ingress_ifindex, p->dst, p->src, p->proto) == BPF_FIB_LKUP_RET_NOT_FWDED;
}

/*
 * Whether a bridge passes it on, and not this host's stack sends it, its own or routed: it is for another station, or a
 * group. With this host's address as its source it is made up by whoever is on another port. Elsewhere it may be in a
 * tunnel of this host's that is the bridge's port (L2TP).
 */
static __always_inline bool is_passed_on(const struct __sk_buff *skb, const struct packet *p)
{
	const __u32 index = p->nic.port;
	const struct port *port;

	if (skb->pkt_type == PACKET_HOST || skb->pkt_type == PACKET_OUTGOING)
		return false;
	port = bpf_map_lookup_elem(&ports, &index);
	return port && port->bridged;
}

static __always_inline int egress_ipv4(struct __sk_buff *skb, const struct packet *p)
{
	const struct fragment_value *first = is_later_fragment(p) ? fragment_recall_out(p) : NULL;
	struct flow flow = flow_outbound(p);
	bool tells;
	int action;

	if (gre_is_unrouted(skb, p))
		return gre_route(p);
	action = first ? first->action : decide(&flow, is_ike_outbound(skb, p));
	/* Covers are for what this host says itself, not for what it forwards. */
	if (action == SPD_PROTECT && flow.cover && skb->ingress_ifindex && !is_in_our_name(skb, p))
		action = SPD_NONE;
	if (action == SPD_PROTECT && is_passed_on(skb, p) && !gre_takes(skb, p))
		return tc_drop(REASON_CLEARTEXT_PROTECTED);
	tells = gives_away(skb, p, action);
	if (tells)
		action = SPD_DISCARD;
	/* A protected one has no SA before it is on its way, so that the rest of one that is dropped is dropped too. */
	if (is_first_fragment(p) && policy_may_protect(p->src, p->dst))
		fragment_remember_out(p, action, SLOT_NONE, 0);
	hit_by_skb(skb, p, flow.counter, true);
	if (action != SPD_DISCARD && action != SPD_BYPASS && gre_takes(skb, p))
		return gre_egress(skb);
	if (action == SPD_PROTECT)
		return first ? protect_later(skb, p, first) : protect(skb, p, &flow);
	if (action == SPD_DISCARD)
		return tells ? TC_ACT_SHOT : tc_drop(REASON_DISCARD);
	if (action != SPD_NONE)
		count(action == SPD_IKE ? REASON_IKE : REASON_BYPASS);
	return TC_NEXT;
}

#endif
