/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The contract between the BPF programs, the worker, the loader and IKE: every
 * structure that two of them share stands here, once, and both sides include
 * this file. Addresses are in network byte order, kept as bytes so that bpftool
 * prints them readably; every number (SPI, port, sequence) is in host order.
 *
 *   spd      policy:   remote prefix        -> rules: protect, bypass, discard
 *   sad_out  binding:  src, dst, selector   -> outbound slot
 *   sad      inbound:  SPI, dst             -> inbound slot
 *   sa_state, replay   slot                 -> what changes per packet
 *   key vault          slot                 -> the key (never a map: vault.h)
 *
 * Changing a structure means raising LAYOUT_VERSION.
 */
#ifndef MAPS_LAYOUT_H
#define MAPS_LAYOUT_H

#include <linux/types.h>

#include "reasons.h"

#define LAYOUT_VERSION 1

/* 1,000 peers with two SAs each, twice over while they rekey, and as much again. */
#define SLOTS_MAX 8192
/* One XSKMAP serves all NICs: index = port * QUEUES_MAX + queue. */
#define PORTS_MAX 16
#define QUEUES_MAX 64
/*
 * One UMEM frame is 4,096 bytes: it also holds XDP's 256 bytes of headroom, Ethernet
 * with two tags, and ESP's header, padding and ICV; the rest is left for what drivers want.
 */
#define PORT_MTU_FRAME 3500
/* Larger packets are received in several frames and sent from a span of them (umem.h): the usual most of Ethernet. */
#define PORT_MTU_MAX 9216
/* Prefixes in the SPD, and rules that can apply to one prefix (its own and those it inherits). */
#define SPD_PREFIXES_MAX 4096
#define SPD_RULES_MAX 64
/* Replay window: 64 ... 8192 packets (RFC 4303 3.4.3); the ring is a power of two above it (RFC 6479). */
#define REPLAY_WINDOW_MIN 64
#define REPLAY_WINDOW_MAX 8192
#define REPLAY_WORDS 256

#define LAYOUT_ASSERT(type, size) _Static_assert(sizeof(type) == (size), #type " changed size: raise LAYOUT_VERSION")

/* ---- layout: one entry, written by the loader when it makes the maps ---- */

struct layout {
	__u32 version;	 /* LAYOUT_VERSION */
	__u32 slots;	 /* SLOTS_MAX of the maker */
	__u64 made_ns;	 /* CLOCK_BOOTTIME */
};
LAYOUT_ASSERT(struct layout, 16);

/* ---- stats, stats_worker, sa_state.drops: counters by reason, with members so that bpftool prints the names ---- */

struct counts {
#define COUNT_MEMBER(NAME, name, kind, text) __u64 name;
	FOR_EACH_REASON(COUNT_MEMBER)
#undef COUNT_MEMBER
	__u64 reserved[REASONS_MAX - REASON_COUNT];
};
LAYOUT_ASSERT(struct counts, 8 * REASONS_MAX);

static inline __u64 *counts_at(struct counts *c, enum reason reason)
{
	return (__u64 *)c + reason;
}

static inline __u64 counts_get(const struct counts *c, enum reason reason)
{
	return *((const __u64 *)c + reason);
}

/* ---- sad: inbound SAs ---- */

struct sad_key {
	__u32 spi;
	__u8 dst[4];
};
LAYOUT_ASSERT(struct sad_key, 8);

struct sad_value {
	__u32 slot;
	__u32 generation;
	__u8 peer[4];	 /* the SA's source address */
	__u32 ifindex;	 /* taken on this NIC only; 0: on any */
};
LAYOUT_ASSERT(struct sad_value, 16);

/* ---- sad_out: which SA carries what a policy protects. A rekey is one write here. ---- */

struct sad_out_key {
	__u8 src[4];
	__u8 dst[4];
	__u16 proto;	 /* 0: the SA carries everything between the two */
	__u16 port;	 /* either end's port; 0: any */
};
LAYOUT_ASSERT(struct sad_out_key, 12);

struct sad_out_value {
	__u32 slot;
	__u32 generation;
};
LAYOUT_ASSERT(struct sad_out_value, 8);

/* ---- sa_state: one entry per slot, mapped by everyone ---- */

enum sa_direction {
	SA_OUTBOUND = 1,
	SA_INBOUND = 2,
};

enum sa_flag {
	SA_ESN = 1 << 0,
};

/* Who made a slot or a rule, and so who may take it away. */
enum owner {
	OWNER_MANUAL = 0,
	OWNER_IKE = 1,
};

/* Events of an SA that are told once. */
enum sa_raised {
	SA_RAISED_SOFT = 1 << 0,
	SA_RAISED_HARD = 1 << 1,
	SA_RAISED_OVERFLOW = 1 << 2,
};

/*
 * Identity is written between claiming a slot and publishing it in sad or
 * sad_out, and never after. The hot line has one writer, the worker; BPF reads
 * it to drop early and to raise events. Limits of 0 are none.
 */
struct sa_state {
	/* identity */
	__u32 generation;	/* odd: the slot is in use (slots.h) */
	__u32 spi;
	__u8 src[4];
	__u8 dst[4];
	__u8 direction;		/* enum sa_direction */
	__u8 flags;		/* enum sa_flag */
	__u8 owner;		/* enum owner */
	__u8 sel_proto;		/* 0: any */
	__u16 sel_port;		/* either end's port; 0: any */
	__u16 replay_window;
	__u32 ifindex;		/* bound to this NIC; 0: to none */
	__u32 raised;		/* enum sa_raised */
	__u64 created_ns;	/* CLOCK_BOOTTIME */
	__u64 soft_time_ns;	/* CLOCK_BOOTTIME */
	__u64 hard_time_ns;
	__u64 reserved;

	/* hot */
	__u64 seq;		/* outbound: last number given out; inbound: highest authenticated */
	__u64 packets;
	__u64 bytes;		/* of the inner packets' IP payload */
	__u64 last_used_ns;	/* CLOCK_BOOTTIME, of the last batch */
	__u64 soft_packets;
	__u64 hard_packets;
	__u64 soft_bytes;
	__u64 hard_bytes;

	struct counts drops;	/* written atomically by BPF and the worker */
};
LAYOUT_ASSERT(struct sa_state, 384);

/* ---- replay: the bits behind sa_state.seq of an inbound slot; the worker's alone ---- */

struct replay_bitmap {
	__u64 words[REPLAY_WORDS];
};
LAYOUT_ASSERT(struct replay_bitmap, 2048);

/* ---- spd: longest prefix on the remote address -> rules, the first that matches wins ---- */

struct spd_key {
	__u32 prefixlen;
	__u8 remote[4];
};
LAYOUT_ASSERT(struct spd_key, 8);

enum spd_action {
	SPD_BYPASS = 0,		/* also what no rule at all means */
	SPD_PROTECT = 1,
	SPD_DISCARD = 2,
};

/* One rule serves both directions: "local" and "remote" are this host's view. */
struct spd_rule {
	__u8 local[4];		/* 0.0.0.0: any address of this host */
	__u16 local_port_min;	/* 0 ... 65535: any */
	__u16 local_port_max;
	__u16 remote_port_min;
	__u16 remote_port_max;
	__u8 proto;		/* 0: any */
	__u8 action;		/* enum spd_action */
	__u8 owner;		/* enum owner */
	__u8 origin;		/* prefix length it was made for: shorter than the key's if inherited */
	__u32 prio;		/* lower goes first among equally specific rules */
};
LAYOUT_ASSERT(struct spd_rule, 20);

struct spd_entry {
	__u32 count;
	struct spd_rule rules[SPD_RULES_MAX];
};
LAYOUT_ASSERT(struct spd_entry, 4 + 20 * SPD_RULES_MAX);

/* ---- locals: addresses of this host that an SA or a policy protects ---- */

struct locals_key {
	__u8 addr[4];
};
LAYOUT_ASSERT(struct locals_key, 4);

/* ---- ports: one entry per attached NIC, written by the loader, read by the worker per packet ---- */

enum port_mode {
	PORT_NATIVE = 1,
	PORT_GENERIC = 2,
};

struct port {
	__u32 ifindex;		/* 0: the entry is free */
	__u32 tap_ifindex;
	__u32 mtu;		/* of the NIC: IP packet, without the Ethernet header */
	__u32 queues;
	__u8 mac[6];
	__u8 mode;		/* enum port_mode */
	__u8 zero_copy;		/* all queues; written by the worker when it has bound */
	char name[16];
	__u32 mtu_room;		/* programs and packet memory are made for an MTU up to this */
	__u32 reserved[5];
};
LAYOUT_ASSERT(struct port, 64);

/* ---- events: BPF -> loader and IKE ---- */

enum event_type {
	EVENT_ACQUIRE = 1,	/* a policy protects it and there is no SA */
	EVENT_SOFT_LIMIT = 2,
	EVENT_HARD_LIMIT = 3,
	EVENT_UNKNOWN_SPI = 4,
	EVENT_SEQ_OVERFLOW = 5,
};

struct event {
	__u64 time_ns;		/* CLOCK_BOOTTIME */
	__u32 type;		/* enum event_type */
	__u32 ifindex;
	__u8 src[4];
	__u8 dst[4];
	__u16 sport;
	__u16 dport;
	__u32 proto;
	__u32 spi;
	__u32 slot;
	__u32 generation;
	__u32 reserved;
};
LAYOUT_ASSERT(struct event, 48);

/* Told once per interval and key: an LRU hash from event_gate_key to the time it was last told. */
struct event_gate_key {
	__u8 src[4];
	__u8 dst[4];
	__u32 type;
	__u32 detail;		/* SPI, or protocol and port */
};
LAYOUT_ASSERT(struct event_gate_key, 16);

/* ---- beside the packet ---- */

/* XDP -> worker: the 8 bytes in front of the frame (bpf_xdp_adjust_meta). */
struct rx_meta {
	__u16 slot;
	__u8 l3_offset;		/* of the IPv4 header in the frame: 14, 18 or 22 */
	__u8 reserved;
	__u32 generation;
};
LAYOUT_ASSERT(struct rx_meta, 8);

/* tc egress -> worker: in place of the Ethernet source address, which the worker restores from its port. */
struct tx_tag {
	__u32 generation;
	__u16 slot;
} __attribute__((packed));
LAYOUT_ASSERT(struct tx_tag, 6);

#endif
