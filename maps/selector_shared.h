/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What BPF programs, worker, loader and IKE have to read alike in a selector (layout.h), so that it stands here once.
 */
#ifndef MAPS_SELECTOR_SHARED_H
#define MAPS_SELECTOR_SHARED_H

#include <stdbool.h>

#include "layout.h"

/*
 * Whether a selector can tell packets of that protocol apart by ports: TCP, UDP, SCTP, DCCP and UDP-Lite begin with a
 * source and a destination port; ICMP's type and code stand for both (RFC 4301 section 4.4.1.1). In one expression:
 * made of proto_has_ports() and ICMP, the programs have 3 % more instructions.
 */
static inline __attribute__((always_inline)) bool selector_has_ports(__u8 proto)
{
	return proto == 6 || proto == 17 || proto == 132 || proto == 33 || proto == 136 || proto == 1;
}

/* Whether the protocol's header begins with two ports. */
static inline __attribute__((always_inline)) bool proto_has_ports(__u8 proto)
{
	return proto != 1 && selector_has_ports(proto);
}

/*
 * What a rule is for, but for its addresses. A rule has the fields of a selector, and not a selector: 64 rules are in
 * each entry of the SPD, in which a protocol of 32 bits, as the hash of sad_out wants it, would be 256 bytes more.
 */
static inline __attribute__((always_inline)) struct selector selector_of_rule(const struct spd_rule *rule)
{
	return (struct selector){
		.local_port_min = rule->local_port_min,
		.local_port_max = rule->local_port_max,
		.remote_port_min = rule->remote_port_min,
		.remote_port_max = rule->remote_port_max,
		.proto = rule->proto,
	};
}

/* Makes the rule one for what the selector is for. */
static inline __attribute__((always_inline)) void rule_set_selector(struct spd_rule *rule, const struct selector *sel)
{
	rule->proto = (__u8)sel->proto;
	rule->local_port_min = sel->local_port_min;
	rule->local_port_max = sel->local_port_max;
	rule->remote_port_min = sel->remote_port_min;
	rule->remote_port_max = sel->remote_port_max;
}

#endif
