/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The contract between the BPF programs, the worker, the loader and IKE: every
 * structure that two of them share stands here, once, and both sides include
 * this file. Addresses are in network byte order, kept as bytes so that bpftool
 * prints them readably; every number (SPI, port, sequence) is in host order.
 *
 *   spd      policy:   remote prefix        -> rules: protect, bypass, discard
 *   spd_empty          remote address      -> whether there is certainly no rule for it
 *   spd_hits           a rule's counter     -> what it has decided on
 *   sad_out  binding:  src, dst, selector, lane -> outbound slot
 *   sad      inbound:  SPI, dst             -> inbound slot
 *   gates    ifindex                        -> what guards that interface
 *   gre      port                           -> who gets and sends multicast in GRE
 *   sad_sent outbound: SPI, dst             -> outbound slot, for what routers say of what was sent
 *   ike_sockets                             -> whose UDP from port 500 and 4500 is IKE
 *   ike_alive                               -> whether UDP to these ports is
 *   sa_state, replay   slot                 -> what changes per packet
 *   key vault          slot                 -> the key (never a map: vault.h)
 *   free_slots                              -> which slots may be free
 *   turns    lane                           -> what it may still be at work with (slots.h)
 *   cpu_lane this CPU                       -> its lane
 *   captures                                -> where dropped packets are shown, while somebody looks
 *
 * Changing a structure means raising LAYOUT_VERSION.
 */
#ifndef MAPS_LAYOUT_H
#define MAPS_LAYOUT_H

#include <linux/types.h>

#include "reasons.h"

#define LAYOUT_VERSION 12

/*
 * How many SAs there may be is chosen when the maps are made ([daemon] sa-max), and told in the map `layout`: a
 * multiple of SLOTS_STEP, so that what is kept for each slot fills pages and words. Unless the file says otherwise:
 * 1,000 peers with two SAs each, twice over while they rekey, and as much again. The most: 65,536 peers, twice over.
 */
#define SLOTS_MIN     64
#define SLOTS_DEFAULT 8192
#define SLOTS_MAX     262144
#define SLOTS_STEP    64
/* No slot's number. */
#define SLOT_NONE 0xffffff
/* One XSKMAP serves all NICs: index = port * QUEUES_MAX + queue. */
#define PORTS_MAX  16
#define QUEUES_MAX 64
/*
 * One UMEM frame is 4,096 bytes: it also holds XDP's 256 bytes of headroom, Ethernet
 * with two tags, and ESP's header, padding and ICV; the rest is left for what drivers want.
 */
#define PORT_MTU_FRAME 3500
/* Larger packets are received in several frames and sent from a span of them (umem.h): the usual most of Ethernet. */
#define PORT_MTU_MAX 9216
/*
 * Prefixes in the SPD: as many as there may be SAs, which is two for each host that has a pair of them. And rules that
 * can apply to one prefix (its own and those it inherits).
 */
#define SPD_PREFIXES_MIN 4096
#define SPD_RULES_MAX	 64
/* Policies that can be counted besides one for each prefix: for what takes another's place, and several rules of one
 * prefix. A policy that finds no counter is not counted. */
#define SPD_COUNTERS_MORE 4096
/* Addresses of this host that are protected. */
#define LOCALS_MAX 8192
/*
 * Replay window: 64 ... 8192 packets (RFC 4303 3.4.3). The ring has more words than the window touches (RFC 6479): a
 * step of as many more words moves it without loss whenever the worker is killed (replay.c).
 */
#define REPLAY_WINDOW_MIN   64
#define REPLAY_WINDOW_MAX   8192
#define REPLAY_NARROW	    1024 /* up to here a slot's own ring is enough */
#define REPLAY_NARROW_WORDS 23
#define REPLAY_WIDE_WORDS   143

/* An inbound SA's highest number is told in sa_state.seen each time that it is so much higher, and a word of the replay
 * window is full. */
#define SEEN_STEP 1024

#define LAYOUT_ASSERT(type, size) _Static_assert(sizeof(type) == (size), #type " changed size: raise LAYOUT_VERSION")

/* ---- layout: one entry, written by the loader when it makes the maps ---- */

struct layout {
	__u32 version; /* LAYOUT_VERSION */
	__u32 slots;   /* sa-max of the maker */
	__u64 made_ns; /* CLOCK_BOOTTIME */
};
LAYOUT_ASSERT(struct layout, 16);

/* For so many slots: entries of spd, and of spd_hits, whose counter 0 is none. */
static inline __u32 spd_prefixes(__u32 slots)
{
	return slots > SPD_PREFIXES_MIN ? slots : SPD_PREFIXES_MIN;
}

static inline __u32 spd_counters(__u32 slots)
{
	return spd_prefixes(slots) + SPD_COUNTERS_MORE;
}

/* ---- stats, stats_worker, sa_state.drops: counters by reason, with members so that bpftool prints the names ---- */

struct counts {
#define COUNT_MEMBER(NAME, name, kind, text, hint) __u64 name;
	FOR_EACH_REASON(COUNT_MEMBER)
#undef COUNT_MEMBER
	__u64 reserved[REASONS_MAX - REASON_COUNT];
	/* stats alone */
	__u64 last;	    /* the last reason on this CPU for which a packet went no further */
	__u64 capture_lost; /* packets that a capture had no room for */
};
LAYOUT_ASSERT(struct counts, 8 * (REASONS_MAX + 2));

static inline __u64 *counts_at(struct counts *c, enum reason reason)
{
	return (__u64 *)c + reason;
}

static inline __u64 counts_get(const struct counts *c, enum reason reason)
{
	return *((const __u64 *)c + reason);
}

/* ---- selectors: protocol and ports of what a rule or an SA is for, as this host sees them ---- */

/*
 * ICMP has a type and a code where others have two ports: type << 8 | code stands for
 * either, so a selector for ICMP has the same range twice (RFC 4301 section 4.4.1.1).
 */
struct selector {
	__u16 local_port_min; /* 0 ... 65535: any */
	__u16 local_port_max;
	__u16 remote_port_min;
	__u16 remote_port_max;
	__u32 proto; /* 0: any; of 32 bits, for the kernel hashes keys of whole words faster */
};
LAYOUT_ASSERT(struct selector, 12);

#define SELECTOR_ANY_PORT .local_port_max = 0xffff, .remote_port_max = 0xffff

/* ---- sad: inbound SAs ---- */

struct sad_key {
	__u32 spi;
	__u8 dst[4];
};
LAYOUT_ASSERT(struct sad_key, 8);

struct sad_value {
	__u32 slot;
	__u32 generation;
	__u8 peer[4];  /* the SA's source address */
	__u32 ifindex; /* taken on this NIC only; 0: on any */
};
LAYOUT_ASSERT(struct sad_value, 16);

/* ---- sad_out: which SA carries what a policy protects. A rekey is one write here. ---- */

/*
 * Looked up by the selector of the rule that decides, before any other: see find_binding() in bpf/egress.h. If what is
 * found is SA_LANES, the one of the CPU's lane goes before it (RFC 9611).
 */
struct sad_out_key {
	__u8 src[4];
	__u8 dst[4];
	struct selector sel;
	__u32 lane; /* 1 + the number of the lane that the SA is for; 0: any that has none of its own */
};
LAYOUT_ASSERT(struct sad_out_key, 24);

struct sad_out_value {
	__u32 slot;
	__u32 generation;
};
LAYOUT_ASSERT(struct sad_out_value, 8);

/* sad_sent has a sad_key for each outbound SA, bound to a policy or not, and a sad_out_value. */

/* ---- sa_state: one entry per slot, mapped by everyone ---- */

enum sa_direction {
	SA_OUTBOUND = 1,
	SA_INBOUND = 2,
};

enum sa_flag {
	SA_ESN = 1 << 0,
	SA_GRE = 1 << 1,	/* GRE in the SA is multicast or broadcast of the peer's, and nothing else */
	SA_EITHER_END = 1 << 2, /* the selector is also for the ports exchanged: the SA is bound under both */
	SA_LANES = 1 << 3,	/* outbound: the peer takes one for each lane beside it */
};

/* Who made a slot or a rule, and so who may take it away. */
enum owner {
	OWNER_MANUAL = 0,
	OWNER_IKE = 1,	/* a connection */
	OWNER_FILE = 2, /* a [policy] of the file */
};

/* Events of an SA that are told once. */
enum sa_raised {
	SA_RAISED_SOFT = 1 << 0,
	SA_RAISED_HARD = 1 << 1,
	SA_RAISED_OVERFLOW = 1 << 2,
};

/* What of an SA is used up, as far as the worker counts it (worn.h). */
enum sa_worn {
	SA_WORN_SOFT = 1 << 0,	   /* packets or bytes are at the soft limit */
	SA_WORN_HARD = 1 << 1,	   /* or at the hard one */
	SA_WORN_SEQUENCE = 1 << 2, /* outbound: the last sequence number is given out */
};

/*
 * What a router said that the path takes: bytes of an IP packet, 0 if none ever
 * did, and until when that counts: CLOCK_BOOTTIME in seconds. Both are written
 * and read together, as one word (RFC 1191 section 6.3).
 */
struct path_mtu {
	__u32 mtu;
	__u32 until_s;
} __attribute__((aligned(8)));
LAYOUT_ASSERT(struct path_mtu, 8);

/*
 * Identity is written between claiming a slot and publishing it in sad or
 * sad_out, and never after, but for path_mtu, and lane and SA_LANES each time that it is bound; a reserved slot is
 * published with SPI and addresses, and the rest is there before its key is in the vault. Limits of 0 are none.
 *
 * The first line is what a packet takes in BPF, and the second what it takes in the worker, which writes it each time:
 * so a packet that BPF decides on does not wait for that line to come from the worker's CPU. What BPF has to know of it
 * the worker tells in the first line, seldom: `worn` twice in an SA's life, `seen` once in so many packets.
 */
struct sa_state {
	/* identity */
	__u32 generation; /* odd: the slot is in use (slots.h) */
	__u32 spi;
	__u8 src[4];
	__u8 dst[4];
	__u8 direction; /* enum sa_direction */
	__u8 flags;	/* enum sa_flag */
	__u8 owner;	/* enum owner */
	__u8 lane;	/* outbound: as in sad_out_key; written before the SA is bound */
	__u8 worn;	/* enum sa_worn; written by the worker */
	__u8 reserved;
	__u16 replay_window; /* inbound, 0: reserved. IKE has named the SPI to the peer; the key is yet to come */
	__u32 ifindex;	     /* bound to this NIC; 0: to none */
	__u32 raised;	     /* enum sa_raised */
	__u64 soft_time_ns;  /* CLOCK_BOOTTIME */
	__u64 hard_time_ns;
	struct path_mtu path_mtu; /* outbound; written by BPF */
	__u64 seen;		  /* inbound: seq, as it was some SEEN_STEP numbers before; written by the worker */

	/* the worker's */
	__u64 seq; /* outbound: last number given out; inbound: highest authenticated */
	__u64 packets;
	__u64 bytes;	    /* of the inner packets' IP payload */
	__u64 last_used_ns; /* CLOCK_BOOTTIME, of the last batch */
	__u64 soft_packets;
	__u64 hard_packets;
	__u64 soft_bytes;
	__u64 hard_bytes;

	struct counts drops; /* written atomically by BPF and the worker */

	/* identity, what is read when an SA is loaded and not per packet */
	struct selector sel;

	/* written seldom */
	__u32 leaps;	   /* inbound: packets in a row that looked like leaps of the sequence number (bpf/sa.h) */
	__u64 released;	   /* slots.h: when the slot was given back, and by which generation */
	__u64 created_ns;  /* CLOCK_BOOTTIME */
	__u32 leaps_since; /* packets, low half, when that row began */
	__u8 reserved2[28];
};
LAYOUT_ASSERT(struct sa_state, 512);

#define SA_LINE 64
#define SA_STARTS_A_LINE(member) \
	_Static_assert(__builtin_offsetof(struct sa_state, member) % SA_LINE == 0, "what comes before shares its " \
										   "line")
SA_STARTS_A_LINE(generation);
SA_STARTS_A_LINE(seq);
SA_STARTS_A_LINE(drops);

/* ---- turns: one entry; who may still use a slot that was given back (turns.h) ---- */

/* Threads of workers. */
#define LANES_MAX 64

/* Whose queue that of the NIC with that index in ports is. */
static inline __u32 lane_of_queue(__u32 port, __u32 queue, __u32 lanes)
{
	return (port + queue) % lanes;
}

struct lane_turn {
	__u64 at; /* 0: at rest; else (turns.now when its turn began) << 1 | 1 */
	__u64 reserved[7];
};
LAYOUT_ASSERT(struct lane_turn, 64);

/* So many slots given back may wait for a lane to forget their keys; for more it looks at all that it has loaded. */
#define RETIRED_MAX 4096
/* A slot's number in an entry of `retired`, below the number that the slot got when it was given back. */
#define RETIRED_SLOT_BITS 24

struct turns {
	__u64 now; /* goes up with each slot that is given back */
	__u64 reserved[7];
	struct lane_turn lanes[LANES_MAX];
	__u64 retired[RETIRED_MAX]; /* which slot got a number, at that number modulo RETIRED_MAX */
};
LAYOUT_ASSERT(struct turns, 64 + 64 * LANES_MAX + 8 * RETIRED_MAX);

/* ---- free_slots: one entry; which slots may be free (free_slots.h) ---- */

struct free_slots {
	__u64 top;
	__u64 reserved[7];
	__u64 mid[64];
	__u64 low[SLOTS_MAX / 64];
};
LAYOUT_ASSERT(struct free_slots, 64 + 8 * 64 + SLOTS_MAX / 8);

/* ---- cpu_lane: one entry, on each CPU; written by the loader when it knows how many lanes the worker has ---- */

struct cpu_lane {
	__u32 lane;  /* 1 + the number of the one that serves what the CPU sends; 0: there is but one, or none yet */
	__u32 lanes; /* how many there are */
};
LAYOUT_ASSERT(struct cpu_lane, 8);

/* A queue of that port that is the lane's, if the port has so many: see lane_of_queue(). */
static inline __u32 queue_of_lane(__u32 port, __u32 lane, __u32 lanes)
{
	return (lane + lanes - port % lanes) % lanes;
}

/* ---- replay, by slot, replay_wide: the bits behind sa_state.seq of an inbound slot; the worker's alone ---- */

struct replay_bitmap {
	__u32 wide; /* of a window above REPLAY_NARROW: where in replay_wide its bits are */
	__u32 reserved;
	__u64 words[REPLAY_NARROW_WORDS];
};
LAYOUT_ASSERT(struct replay_bitmap, 192);

struct replay_wide {
	__u64 lent_to; /* replay_memory.h */
	__u64 words[REPLAY_WIDE_WORDS];
};
LAYOUT_ASSERT(struct replay_wide, 1152);

/* Wide ones for so many slots: for all inbound SAs where those are few, else for one in eight. */
#define REPLAY_WIDES_FEW 4096

static inline __u32 replay_wides(__u32 slots)
{
	return slots / 2 < REPLAY_WIDES_FEW ? slots / 2 : slots / 16 < REPLAY_WIDES_FEW ? REPLAY_WIDES_FEW : slots / 16;
}

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

/* ---- ike_sockets: one entry, written by IKE before it answers anybody ---- */

/* Of SO_COOKIE, which no socket gets twice; 0: none. What an IKE process that is gone left here is good for nothing. */
struct ike_cookies {
	__u64 cookies[2]; /* of port 500 and of port 4500 */
};
LAYOUT_ASSERT(struct ike_cookies, 16);

/*
 * ---- ike_alive: one entry, an AF_XDP socket of IKE's that serves no NIC ----
 *
 * The kernel takes a socket out of an XSKMAP when its last descriptor is closed. So the entry is there exactly as long
 * as the process is that listens on port 500 and 4500: afterwards anybody may have these ports.
 */

/*
 * Unless the file says otherwise. Linux's route cache goes no lower than 552 (net.ipv4.route.min_pmtu) and sends that
 * much without DF whatever it is told; this is the least in which it fits with ESP around it. RFC 791 has hosts take
 * 576.
 */
#define PATH_MTU_MIN  588
#define MSS_CLAMP_FIT 0xffff

/* ---- ports: one entry per attached NIC, written by the loader, read by the worker per packet ---- */

enum port_mode {
	PORT_NATIVE = 1,
	PORT_GENERIC = 2,
};

/* By what a NIC chooses the queue that ESP arrives on (loader/attach/steering.h). */
enum port_steering {
	STEERING_UNKNOWN = 0,
	STEERING_ONE_QUEUE = 1,
	STEERING_RSS = 2,    /* addresses and SPI */
	STEERING_NTUPLE = 3, /* a rule for each SPI */
	STEERING_ADDRESSES = 4,
};

struct port {
	__u32 ifindex; /* 0: the entry is free */
	__u32 tap_ifindex;
	__u32 mtu; /* of the NIC: IP packet, without the Ethernet header */
	__u32 queues;
	__u8 mac[6];
	__u8 mode;	/* enum port_mode */
	__u8 zero_copy; /* all queues; as the worker answers when its sockets are bound */
	char name[16];
	__u16 path_mtu_min; /* less than this is believed of no router; 0: nothing is */
	__u16 mss_clamp;    /* the most a SYN may offer; 0: SYNs are left alone; MSS_CLAMP_FIT: what fits with ESP */
	__u32 mtu_room;	    /* programs and packet memory are made for an MTU up to this */
	__u32 tx_queues; /* queues to send by, which may be fewer than those to receive by; 0: the NIC does not say */
	__u32 ring;	 /* entries of each ring of each queue (packet_memory.h) */
	__u8 steering;	 /* enum port_steering */
	__u8 busy_poll;	 /* sockets have busy polling: the worker's calls run the driver while there is traffic */
	__u8 reserved[6];
};
LAYOUT_ASSERT(struct port, 64);

/* ---- gates: what guards an interface, made by the loader; an interface without an entry is not guarded ---- */

#define GATES_MAX 4096
/* No port: nobody serves that NIC. */
#define PORT_NONE PORTS_MAX

enum gate_kind {
	GATE_ATTACHED = 1, /* our programs are on the interface */
	GATE_COVERED = 2,  /* whatever leaves or comes by it passes an attached NIC: a VLAN's, a bridge's */
	GATE_OPEN = 3,	   /* 'detach' has opened the gate */
	GATE_TAP = 4,	   /* the TAP of an attached NIC */
	GATE_BROKEN = 5,   /* our programs should be on the interface, and cannot: somebody else's are */
};

struct gate {
	__u8 kind;  /* enum gate_kind */
	__u8 mode;  /* enum port_mode of an attached NIC */
	__u16 port; /* index in ports, and QUEUES_MAX entries of xsks from there; PORT_NONE */
	__u32 nic;  /* ifindex of the NIC: its own, or of a TAP the one that it serves */
	__u32 tap;  /* ifindex of the NIC's TAP; 0: none */
	/* Ids of the programs by which an attached NIC is closed: on tc egress; on XDP, or where that is generic tc
	 * ingress */
	__u32 egress;
	__u32 ingress;
	/* While others take their place without a gap, of those; 0: none do */
	__u32 egress_next;
	__u32 ingress_next;
};
LAYOUT_ASSERT(struct gate, 28);

/* First of all filters: one in front of ours that says "pass" would open the gate. */
#define CLSACT_PRIORITY 1

/* ---- gre: one entry for each attached NIC that connections with gre = yes are on; made by the loader ---- */

/* A copy of each multicast goes to every peer: more would be a flood of one's own making. */
#define GRE_PEERS_MAX 64
/* Connections of one NIC. */
#define GRE_SOURCES_MAX	  64
#define GRE_ADDRESSES_MAX 32

/* Who gets a copy: the remote of a connection, or a host of a mesh's that has an SA. */
struct gre_peer {
	__u8 local[4];
	__u8 remote[4];
};

/* Whose multicast and broadcast is taken from GRE alone: the remote of each connection. */
struct gre_source {
	__u8 prefix[4];
	__u8 mask[4];
};

/* An address that the NIC has. */
struct gre_address {
	__u8 addr[4];
	__u8 broadcast[4]; /* the directed one; 0.0.0.0: none */
};

struct gre_port {
	__u32 peer_count;
	__u32 source_count;
	__u32 address_count;
	struct gre_peer peers[GRE_PEERS_MAX];
	struct gre_source sources[GRE_SOURCES_MAX];
	struct gre_address addresses[GRE_ADDRESSES_MAX];
};
LAYOUT_ASSERT(struct gre_port, 12 + 8 * (GRE_PEERS_MAX + GRE_SOURCES_MAX + GRE_ADDRESSES_MAX));

/* ---- events: BPF -> loader and IKE ---- */

enum event_type {
	EVENT_ACQUIRE = 1, /* a policy protects a packet, and there is no SA; or none of the lane's own */
	EVENT_SOFT_LIMIT = 2,
	EVENT_HARD_LIMIT = 3,
	EVENT_UNKNOWN_SPI = 4,
	EVENT_SEQ_OVERFLOW = 5,
};

struct event {
	__u64 time_ns; /* CLOCK_BOOTTIME */
	__u32 type;    /* enum event_type */
	__u32 ifindex;
	__u8 src[4];
	__u8 dst[4];
	__u16 sport;
	__u16 dport;
	__u32 proto;
	__u32 spi;
	__u32 slot;
	__u32 generation;
	__u32 lane; /* EVENT_ACQUIRE: as in sad_out_key */
};
LAYOUT_ASSERT(struct event, 48);

/* Told once per interval and key: an LRU hash from event_gate_key to the time it was last told. */
struct event_gate_key {
	__u8 src[4];
	__u8 dst[4];
	__u32 type;
	__u32 detail; /* SPI, or the rule's place in its entry and, from bit 8 on, the lane */
};
LAYOUT_ASSERT(struct event_gate_key, 16);

/*
 * ---- fragments_in, fragments_out: LRU hashes from a datagram to what was decided on its first fragment. Two, so
 * that what comes from outside pushes nothing out of the host's own. ----
 */

#define FRAGMENTS_KNOWN_MAX 8192

struct fragment_key {
	__u8 src[4];
	__u8 dst[4];
	__u16 id;
	__u8 proto;
	__u8 reserved;
};
LAYOUT_ASSERT(struct fragment_key, 12);

struct fragment_value {
	__u64 time_ns;	  /* CLOCK_BOOTTIME */
	__s32 action : 8; /* enum spd_action, or what bpf/policy.h has beside it */
	__u32 slot : 24;  /* of the SA, if it is protected */
	__u32 generation;
};
LAYOUT_ASSERT(struct fragment_value, 16);

/* ---- beside the packet ---- */

/* XDP -> worker: the 8 bytes in front of the frame (bpf_xdp_adjust_meta). */
struct rx_meta {
	__u32 slot : 24;     /* SLOT_NONE: a later fragment, which has no SPI */
	__u32 l3_offset : 8; /* of the IPv4 header in the frame: 14, 18 or 22 */
	__u32 generation;
};
LAYOUT_ASSERT(struct rx_meta, 8);

/*
 * tc egress -> worker: in place of the Ethernet source address, which the worker restores from its port. Of the
 * generation there is room for the low 24 bits. So that a frame is taken for another SA's, its slot would have to be
 * given out 2^23 times while the frame is in the TAP's queue, which a worker empties in milliseconds. Where none runs
 * the queue keeps what it had, and at a thousand SAs a second it takes hours. And the worker compares addresses: the
 * frame would be sealed for the host that it is for, or dropped.
 */
struct tx_tag {
	__u8 generation[3];
	__u8 slot[3];
};
LAYOUT_ASSERT(struct tx_tag, 6);

#define TX_TAG_GENERATION 0xffffff

static inline __attribute__((always_inline)) void put_24(__u8 to[3], __u32 value)
{
	to[0] = (__u8)value;
	to[1] = (__u8)(value >> 8);
	to[2] = (__u8)(value >> 16);
}

static inline __attribute__((always_inline)) __u32 get_24(const __u8 from[3])
{
	return (__u32)from[0] | (__u32)from[1] << 8 | (__u32)from[2] << 16;
}

static inline __attribute__((always_inline)) struct tx_tag tx_tag_of(__u32 slot, __u32 generation)
{
	struct tx_tag tag;

	put_24(tag.generation, generation);
	put_24(tag.slot, slot);
	return tag;
}

static inline __attribute__((always_inline)) __u32 tx_tag_slot(const struct tx_tag *tag)
{
	return get_24(tag->slot);
}

/* Whether the tag may be of that generation. */
static inline __attribute__((always_inline)) int tx_tag_is_of(const struct tx_tag *tag, __u32 generation)
{
	return get_24(tag->generation) == (generation & TX_TAG_GENERATION);
}

/*
 * Worker -> TAP ingress, of what came in GRE: this Ethernet type (IEEE 802, local experimental) stands for IPv4's, and
 * the inbound SA as a tx_tag for the destination address. The worker gives no other frame this type.
 */
#define GRE_TAG_ETHERTYPE 0x88b6

/*
 * The same, of what the worker has to say itself and came out of no SA (path_mtu.h): policies have no part in it. It
 * stands behind the tags, in place of IPv4's, which is what a packet off the wire has there.
 */
#define HOST_TAG_ETHERTYPE 0x88b5

#endif
