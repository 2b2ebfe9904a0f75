/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The contract (layout.h): policies, and the addresses of this host that they are for. */
#ifndef MAPS_LAYOUT_SPD_H
#define MAPS_LAYOUT_SPD_H

#include "layout_base.h"

/* ---- spd: longest prefix on the remote address -> rules, the first that matches wins ---- */

struct spd_key {
	__u32 prefixlen;
	__u8 remote[4];
};
LAYOUT_ASSERT(struct spd_key, 8);

enum spd_action {
	SPD_BYPASS = 0, /* also what no rule at all means */
	SPD_PROTECT = 1,
	SPD_DISCARD = 2,
};

/* One rule serves both directions: "local" and "remote" are this host's view. */
struct spd_rule {
	__u8 local[4];	      /* 0.0.0.0: any address of this host */
	__u16 local_port_min; /* 0 ... 65535: any */
	__u16 local_port_max;
	__u16 remote_port_min;
	__u16 remote_port_max;
	__u8 proto;    /* 0: any */
	__u8 action;   /* enum spd_action */
	__u8 owner;    /* enum owner */
	__u8 origin;   /* prefix length that the rule was made for: shorter than the key's if inherited */
	__u32 prio;    /* lower goes first among equally specific rules */
	__u32 counter; /* in spd_hits, the same in each entry that inherits the rule; 0: it is not counted */
};
LAYOUT_ASSERT(struct spd_rule, 24);

struct spd_entry {
	__u32 count;
	struct spd_rule rules[SPD_RULES_MAX];
};
LAYOUT_ASSERT(struct spd_entry, 4 + 24 * SPD_RULES_MAX);

/*
 * ---- spd_empty: one entry; a bit that is set says that no prefix of the SPD has any of those addresses ----
 *
 * Asked before the trie, whose steps a packet that nothing is for would pay. Zeroes send everything through the trie.
 * The loader clears a bit before an entry that has one of its addresses is written, and sets it once none is left.
 */

#define SPD_EMPTY_NARROW_BITS 20

struct spd_empty {
	__u64 wide[(1 << 16) / 64];			 /* by the upper 16 bits of the address */
	__u64 narrow[(1 << SPD_EMPTY_NARROW_BITS) / 64]; /* by the lower ones of its upper 24 bits */
};
LAYOUT_ASSERT(struct spd_empty, (1 << 13) + (1 << 17));

/* Of an address in host order. Either bit is enough. */
static inline __attribute__((always_inline)) __u32 spd_empty_wide(__u32 addr)
{
	return addr >> 16;
}

static inline __attribute__((always_inline)) __u32 spd_empty_narrow(__u32 addr)
{
	return addr >> 8 & ((1 << SPD_EMPTY_NARROW_BITS) - 1);
}

/* ---- spd_hits: by spd_rule.counter, on each CPU; the loader zeroes one that it gives to another policy ---- */

struct hits {
	__u64 packets; /* a super-packet's segments one by one */
	__u64 bytes;   /* of IP packets, a super-packet's headers once */
};

struct policy_hits {
	struct hits out;
	struct hits in;
};
LAYOUT_ASSERT(struct policy_hits, 32);

/* ---- locals: addresses of this host that an SA or a policy protects ---- */

struct locals_key {
	__u8 addr[4];
};
LAYOUT_ASSERT(struct locals_key, 4);

#endif
