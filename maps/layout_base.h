/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The contract (layout.h): its version, how much there may be of each, and what is counted. */
#ifndef MAPS_LAYOUT_BASE_H
#define MAPS_LAYOUT_BASE_H

#include <linux/types.h>

#include "reasons.h"

#define LAYOUT_VERSION 13

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
 * The largest that is received in one UMEM frame, which has 4,096 bytes then, and 2,048 for the usual MTU
 * (packet_memory.h). It also holds XDP's 256 bytes of headroom, Ethernet with two tags, and ESP's header, padding and
 * ICV; the rest is left for what drivers want.
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

/*
 * ---- stats, stats_worker, sa_state.drops: counters by reason, with members so that bpftool prints the names ----
 *
 * An entry of stats_worker is a lane's, which alone writes it; but tap_full no lane counts: it is the loader's, in the
 * first entry.
 */

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

#endif
