/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The contract (layout.h): what the programs tell of packets, remember of them, and hand on beside them. */
#ifndef MAPS_LAYOUT_PACKET_H
#define MAPS_LAYOUT_PACKET_H

#include "layout_base.h"

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
/*
 * The least of ESP in a first fragment, a multiple of 8 as all are: all of the smallest ESP packet that needs another
 * is in it, so all of ESP's headers are, and no later fragment brings any. XDP lets no smaller one by, and the worker
 * takes none.
 */
#define ESP_FIRST_MIN 40

struct fragment_key {
	__u8 src[4];
	__u8 dst[4];
	__u16 id;
	__u8 proto;
	__u8 kept_back; /* of fragments_out: what a policy protects or discards is found by 1, what may leave by 0 */
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
