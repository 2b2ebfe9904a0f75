/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The contract (layout.h): SAs, how they are found, and what the worker and the programs note in them. */
#ifndef MAPS_LAYOUT_SA_H
#define MAPS_LAYOUT_SA_H

#include "layout_base.h"

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
_Static_assert(__builtin_offsetof(struct sad_value, slot) == __builtin_offsetof(struct sad_out_value, slot) &&
		       __builtin_offsetof(struct sad_value, generation) ==
			       __builtin_offsetof(struct sad_out_value, generation),
	       "what any of the maps has for an SA begins with a sad_out_value");

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
	__u8 reserved2[12];
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

#endif
