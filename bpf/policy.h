/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The SPD: one longest-prefix lookup on the remote address finds an entry, whose rules are in the order of precedence.
 * The first rule that takes the packet decides (RFC 4301 section 4.4.1).
 *
 * A connection also *covers* its peer: a packet that its rule takes but for the local address does not go by in clear,
 * neither by a bypass rule of a shorter prefix nor because there is no rule. There is no SA for such a packet. The
 * reason: a connection's local address selects its SA, and not what may be in clear.
 */
#ifndef BPF_POLICY_H
#define BPF_POLICY_H

#include "cfg.h"
#include "parse.h"

/* What policy_decide() returns besides enum spd_action: no rule takes the packet, and so it goes by. */
#define SPD_NONE (-1)
/* What decide() returns besides: IKE, which goes by whatever a rule says. */
#define SPD_IKE (-2)

/* A packet as this host sees it, so that one rule serves both directions; and the rule that decides, once one has. */
struct flow {
	__u32 local;
	__u32 remote;
	__u16 local_port;
	__u16 remote_port;
	__u8 proto;
	__u8 ports; /* enum ports */

	struct selector rule;
	__u8 owner;    /* enum owner */
	__u8 place;    /* of the rule in its entry */
	__u8 origin;   /* prefix length it was made for */
	__u8 cover;    /* a cover decides: 1 + the origin of the connection's rule; 0: none does */
	__u32 counter; /* of the rule that decides (hits.h); 0: none does, or it is not counted */
};

static __always_inline struct flow flow_outbound(const struct packet *p)
{
	return (struct flow){
		.local = p->src,
		.remote = p->dst,
		.local_port = p->sport,
		.remote_port = p->dport,
		.proto = p->proto,
		.ports = p->ports,
	};
}

static __always_inline struct flow flow_inbound(const struct packet *p)
{
	return (struct flow){
		.local = p->dst,
		.remote = p->src,
		.local_port = p->dport,
		.remote_port = p->sport,
		.proto = p->proto,
		.ports = p->ports,
	};
}

static __always_inline bool bit_is_set(const __u64 *words, __u32 bit)
{
	return words[bit / 64] >> bit % 64 & 1;
}

/* Whether no prefix has the address, as can mostly be told without the trie. addr: in host order. */
static __always_inline bool spd_is_empty_at(__u32 addr)
{
	const __u32 only = 0;
	const struct spd_empty *empty = bpf_map_lookup_elem(&spd_empty, &only);

	return empty &&
	       (bit_is_set(empty->wide, spd_empty_wide(addr)) || bit_is_set(empty->narrow, spd_empty_narrow(addr)));
}

static __always_inline const struct spd_entry *spd_find(__u32 remote)
{
	struct spd_key key = {.prefixlen = 32};

	if (spd_is_empty_at(bpf_ntohl(remote)))
		return NULL;
	__builtin_memcpy(key.remote, &remote, sizeof(key.remote));
	return bpf_map_lookup_elem(&spd, &key);
}

static __always_inline bool rule_is_for(const struct spd_rule *r, __u32 local)
{
	__u32 wanted;

	__builtin_memcpy(&wanted, r->local, sizeof(wanted));
	return !wanted || wanted == local;
}

static __always_inline bool takes_any_port(const struct selector *s)
{
	return !(s->local_port_min | s->remote_port_min | (s->local_port_max ^ 0xffff) | (s->remote_port_max ^ 0xffff));
}

static __always_inline bool rule_takes_any_port(const struct spd_rule *r)
{
	const struct selector sel = selector_of_rule(r);

	return takes_any_port(&sel);
}

/* Whether min <= port <= max, told without a branch, as those who ask twice tell it: a branch would be two ways for the
 * verifier, in every rule. */
static __always_inline __u32 within(__u32 port, __u32 min, __u32 max)
{
	return ~((port - min) | (max - port)) >> 31;
}

/*
 * Whether the rule takes the packet's ports. Ports that are not to be seen, because the header is cut off or a later
 * fragment's first is not known (fragments.h), may be any that a protect rule is for, and are taken for that. A discard
 * rule needs no such care: a datagram whose first fragment is discarded never gets anywhere.
 */
static __always_inline bool rule_takes_ports(const struct spd_rule *r, const struct flow *f)
{
	if (f->ports == PORTS_KNOWN)
		return within(f->local_port, r->local_port_min, r->local_port_max) &
		       within(f->remote_port, r->remote_port_min, r->remote_port_max);
	return rule_takes_any_port(r) || (f->ports == PORTS_UNKNOWN && r->action == SPD_PROTECT);
}

/* Whether the rule takes the packet, but for the local address. */
static __always_inline bool rule_takes(const struct spd_rule *r, const struct flow *f)
{
	return (!r->proto || r->proto == f->proto) && rule_takes_ports(r, f);
}

/*
 * Remembers the first rule of a connection that takes the packet but for the local address. The memory is behind a
 * pointer, where the verifier does not follow it: in a register it would make states of every rule.
 */
static __always_inline void remember_cover(struct flow *f, const struct spd_rule *r)
{
	if (r->owner == OWNER_IKE && !f->cover)
		f->cover = r->origin + 1;
}

static __always_inline bool cover_goes_before(const struct flow *f, const struct spd_rule *r)
{
	return r->action == SPD_BYPASS && r->origin + 1 < f->cover;
}

/*
 * The scans, and what is asked of each rule, are global functions, which the verifier checks once, each by itself. If
 * they were inlined, every rule that can match would be another state for all that follows in the caller, and the
 * programs would be beyond the verifier's limit.
 */

/* What rule_decides() says of a rule besides an enum spd_action. */
#define RULE_PASSES 0x100 /* the next one is asked */
#define RULE_ENDS   0x101 /* no further one is: f->cover decides */

/* What the rule at that place of an entry makes of the packet. By itself, so that the scan is short to the verifier,
 * which goes through it for each place anew. */
__noinline int rule_decides(const struct spd_rule *r, struct flow *f, __u32 place)
{
	if (!r || !f || !rule_takes(r, f))
		return RULE_PASSES;
	if (!rule_is_for(r, f->local)) {
		remember_cover(f, r);
		return RULE_PASSES;
	}
	if (cover_goes_before(f, r))
		return RULE_ENDS;
	f->rule = selector_of_rule(r);
	f->owner = r->owner;
	f->origin = r->origin;
	f->place = place;
	f->cover = 0;
	f->counter = r->counter;
	return r->action;
}

/* The enum spd_action of the rule that decides, whose fields are left in f (owner, place, rule, origin, counter), or of
 * a cover (f->cover); or SPD_NONE. f->cover and f->counter are 0 before. */
__noinline int policy_decide(struct flow *f)
{
	const struct spd_entry *entry;
	int action = RULE_PASSES;

	/* To the verifier the argument of a global function may be NULL. */
	if (!f)
		return SPD_DISCARD;
	entry = spd_find(f->remote);
	if (!entry)
		return SPD_NONE;
	for (__u32 i = 0; i < SPD_RULES_MAX && i < entry->count && action == RULE_PASSES; i++)
		action = rule_decides(&entry->rules[i], f, i);
	if (action < RULE_PASSES)
		return action;
	return f->cover ? SPD_PROTECT : SPD_NONE;
}

/* Whether a connection is for the two addresses: 1 or 0. */
__noinline int policy_has_connection(__u32 local, __u32 remote)
{
	const struct spd_entry *entry = spd_find(remote);

	if (!entry)
		return 0;
	for (__u32 i = 0; i < SPD_RULES_MAX && i < entry->count; i++)
		if (entry->rules[i].owner == OWNER_IKE && rule_is_for(&entry->rules[i], local))
			return 1;
	return 0;
}

/* Whether a packet that came out of an SA is at odds with what the SPD says of it (RFC 4301 section 5.2, step 4).
 * SPD_NONE is not: an SA needs no rule. */
static __always_inline bool is_at_odds(int action)
{
	return action == SPD_BYPASS || action == SPD_DISCARD;
}

/* policy_decide(), but SPD_IKE for IKE between the two hosts of a connection. ike: whether the packet may be IKE
 * (ike.h). */
static __always_inline int decide(struct flow *f, bool ike)
{
	int action = policy_decide(f);

	if (!ike || action == SPD_NONE || action == SPD_BYPASS || !policy_has_connection(f->local, f->remote))
		return action;
	f->counter = 0;
	return SPD_IKE;
}

/* Two addresses, and what policy_may_protect() remembers of them. */
struct pair {
	__u32 local;
	__u32 remote;
	__u32 cover; /* as in struct flow */
};

/* What policy_may_protect_pair() returns besides 0: by a rule for the two, or by nothing but a cover. */
#define MAY_BY_RULE  1
#define MAY_BY_COVER 2

/* What the rule says of whether there may be one: as above, or RULE_PASSES. */
__noinline int rule_may_protect(const struct spd_rule *r, struct pair *of)
{
	if (!r || !of)
		return MAY_BY_RULE;
	if (!rule_is_for(r, of->local)) {
		if (r->owner == OWNER_IKE && !of->cover)
			of->cover = r->origin + 1;
		return RULE_PASSES;
	}
	if (r->action == SPD_PROTECT)
		return MAY_BY_RULE;
	if (r->proto || !rule_takes_any_port(r))
		return RULE_PASSES;
	return r->origin + 1 < of->cover ? MAY_BY_COVER : 0;
}

/* policy_may_protect() does not say more than this. of->cover is 0 before. */
__noinline int policy_may_protect_pair(struct pair *of)
{
	const struct spd_entry *entry;
	int may = RULE_PASSES;

	if (!of)
		return MAY_BY_RULE;
	entry = spd_find(of->remote);
	if (!entry)
		return 0;
	for (__u32 i = 0; i < SPD_RULES_MAX && i < entry->count && may == RULE_PASSES; i++)
		may = rule_may_protect(&entry->rules[i], of);
	if (may == RULE_PASSES)
		may = of->cover ? MAY_BY_COVER : 0;
	return may;
}

/* Whether there may be a packet between the two addresses that a rule, or a cover, would protect. */
static __always_inline bool policy_may_protect(__u32 local, __u32 remote)
{
	struct pair of = {.local = local, .remote = remote};

	return policy_may_protect_pair(&of) != 0;
}

/* The same without covers: what a peer sends through this host to others is not this host's. */
static __always_inline bool policy_protects_some(__u32 local, __u32 remote)
{
	struct pair of = {.local = local, .remote = remote};

	return policy_may_protect_pair(&of) == MAY_BY_RULE;
}

#endif
