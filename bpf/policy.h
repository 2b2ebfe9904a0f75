/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The SPD: one longest-prefix lookup on the remote address, then the rules
 * behind it in the order of precedence. The first that matches wins (RFC 4301
 * section 4.4.1).
 */
#ifndef BPF_POLICY_H
#define BPF_POLICY_H

#include "cfg.h"
#include "parse.h"

/* What policy_decide() returns besides enum spd_action: no rule is for it, and so it goes by. */
#define SPD_NONE -1
/* And decide(): IKE, which goes by whatever the rule says. */
#define SPD_IKE -2

/* A packet as this host sees it, so that one rule serves both directions, and what the rule that decides is for. */
struct flow {
	__u32 local;
	__u32 remote;
	__u16 local_port;
	__u16 remote_port;
	__u8 proto;
	__u8 ports; /* enum ports */

	struct selector rule;
	__u8 owner; /* enum owner */
	__u8 place; /* of the rule in its entry */
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

static __always_inline const struct spd_entry *spd_find(__u32 remote)
{
	struct spd_key key = {.prefixlen = 32};

	__builtin_memcpy(key.remote, &remote, sizeof(key.remote));
	return bpf_map_lookup_elem(&spd, &key);
}

static __always_inline bool rule_is_for(const struct spd_rule *r, __u32 local)
{
	__u32 wanted;

	__builtin_memcpy(&wanted, r->local, sizeof(wanted));
	return !wanted || wanted == local;
}

static __always_inline struct selector rule_selector(const struct spd_rule *r)
{
	return (struct selector){
		.local_port_min = r->local_port_min,
		.local_port_max = r->local_port_max,
		.remote_port_min = r->remote_port_min,
		.remote_port_max = r->remote_port_max,
		.proto = r->proto,
	};
}

static __always_inline bool takes_any_port(const struct selector *s)
{
	return s->local_port_min == 0 && s->local_port_max == 0xffff && s->remote_port_min == 0 &&
	       s->remote_port_max == 0xffff;
}

static __always_inline bool rule_takes_any_port(const struct spd_rule *r)
{
	const struct selector sel = rule_selector(r);

	return takes_any_port(&sel);
}

/*
 * A packet whose ports are not to be seen might be any that a protect rule is
 * for, and is taken for that: a header that is cut off, or a later fragment of
 * which the first is not known (fragments.h). Discard rules need no such care, as a
 * datagram whose first fragment is discarded never gets anywhere.
 */
static __always_inline bool rule_takes_ports(const struct spd_rule *r, const struct flow *f)
{
	if (f->ports == PORTS_KNOWN)
		return f->local_port >= r->local_port_min && f->local_port <= r->local_port_max &&
		       f->remote_port >= r->remote_port_min && f->remote_port <= r->remote_port_max;
	return rule_takes_any_port(r) || (f->ports == PORTS_UNKNOWN && r->action == SPD_PROTECT);
}

static __always_inline bool rule_matches(const struct spd_rule *r, const struct flow *f)
{
	return rule_is_for(r, f->local) && (!r->proto || r->proto == f->proto) && rule_takes_ports(r, f);
}

/*
 * Both scans are global functions, which the verifier checks once and on their
 * own. Inlined, every rule that can match would be another state for all that
 * follows in the caller, and the programs would be beyond its limit.
 */

/* enum spd_action of the rule that decides, with what it is for left in f; or SPD_NONE. */
__noinline int policy_decide(struct flow *f)
{
	const struct spd_entry *entry;

	/* To the verifier the argument of a global function may be NULL. */
	if (!f)
		return SPD_DISCARD;
	entry = spd_find(f->remote);
	if (!entry)
		return SPD_NONE;
	for (__u32 i = 0; i < SPD_RULES_MAX && i < entry->count; i++) {
		const struct spd_rule *r = &entry->rules[i];

		if (!rule_matches(r, f))
			continue;
		f->rule = rule_selector(r);
		f->owner = r->owner;
		f->place = i;
		return r->action;
	}
	return SPD_NONE;
}

/* policy_decide(), but for IKE. port: of the end that would be the IKE daemon's. */
static __always_inline int decide(const struct packet *p, struct flow *f, __u16 port)
{
	int action = policy_decide(f);

	return action != SPD_NONE && action != SPD_BYPASS && is_ike(p, port) ? SPD_IKE : action;
}

/* Whether there is anything between the two addresses that a rule would protect: 1 or 0. */
__noinline int policy_may_protect(__u32 local, __u32 remote)
{
	const struct spd_entry *entry = spd_find(remote);

	if (!entry)
		return 0;
	for (__u32 i = 0; i < SPD_RULES_MAX && i < entry->count; i++) {
		const struct spd_rule *r = &entry->rules[i];

		if (!rule_is_for(r, local))
			continue;
		if (r->action == SPD_PROTECT)
			return 1;
		if (!r->proto && rule_takes_any_port(r))
			return 0;
	}
	return 0;
}

#endif
