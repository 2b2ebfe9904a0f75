/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What can be told of an SA without its key: whether it is there, whether it is worn out, whether a sequence number is
 * of any use. */
#ifndef BPF_SA_H
#define BPF_SA_H

#include "count.h"
#include "maps/esn.h"
#include "events.h"

/* The SA that a slot was published for, or NULL if the slot has changed hands since. */
static __always_inline struct sa_state *sa_find(__u32 slot, __u32 generation)
{
	struct sa_state *sa = bpf_map_lookup_elem(&sa_state, &slot);

	return sa && (generation & 1) && sa->generation == generation ? sa : NULL;
}

/* The SA that a tag names, or NULL (struct tx_tag says how sure that is). */
static __always_inline struct sa_state *sa_find_tagged(const struct tx_tag *tag)
{
	__u32 slot = tx_tag_slot(tag);
	struct sa_state *sa = bpf_map_lookup_elem(&sa_state, &slot);

	return sa && (sa->generation & 1) && tx_tag_is_of(tag, sa->generation) ? sa : NULL;
}

/* Whether an SA may be used on the packet's NIC. bound: ifindex of the NIC that the SA is bound to; 0: to none. */
static __always_inline bool sa_is_on_this_nic(const struct packet *p, __u32 bound)
{
	return !bound || bound == p->nic.ifindex;
}

/* Tells an event of the SA once in its life, whose bit in sa->raised is `bit`. If the ring is full, the next packet
 * tries again. */
static __always_inline void sa_raise(const struct packet *p, struct sa_state *sa, __u32 slot, __u32 bit, __u32 type)
{
	struct event e = {
		.type = type,
		.ifindex = p->nic.ifindex,
		.spi = sa->spi,
		.slot = slot,
		.generation = sa->generation,
	};

	if ((sa->raised & bit) || (__sync_fetch_and_or(&sa->raised, bit) & bit))
		return;
	__builtin_memcpy(e.src, sa->src, sizeof(e.src));
	__builtin_memcpy(e.dst, sa->dst, sizeof(e.dst));
	if (!event_send(&e))
		__sync_fetch_and_and(&sa->raised, ~bit);
}

static __always_inline bool past(__u64 value, __u64 limit)
{
	return limit && value >= limit;
}

/* Whether the SA is within its hard limits. A limit that is passed, hard or soft, is told. */
static __always_inline bool sa_is_alive(const struct packet *p, struct sa_state *sa, __u32 slot)
{
	/* The clock costs more than the rest of this, so only SAs with a limit of time pay for it. */
	__u64 now = sa->soft_time_ns || sa->hard_time_ns ? bpf_ktime_get_boot_ns() : 0;

	if ((sa->worn & SA_WORN_HARD) || past(now, sa->hard_time_ns)) {
		sa_raise(p, sa, slot, SA_RAISED_HARD, EVENT_HARD_LIMIT);
		return false;
	}
	if ((sa->worn & SA_WORN_SOFT) || past(now, sa->soft_time_ns))
		sa_raise(p, sa, slot, SA_RAISED_SOFT, EVENT_SOFT_LIMIT);
	return true;
}

/* Whether an outbound SA has a sequence number left; if not, that is told. Numbers never cycle (RFC 4303
 * section 3.3.3). */
static __always_inline bool sa_has_sequence(const struct packet *p, struct sa_state *sa, __u32 slot)
{
	if (!(sa->worn & SA_WORN_SEQUENCE))
		return true;
	sa_raise(p, sa, slot, SA_RAISED_OVERFLOW, EVENT_SEQ_OVERFLOW);
	return false;
}

/*
 * Of so many packets in a row whose number looks like a leap (esn.h), one is let by, for its ICV to tell. Almost always
 * such a packet is an old one. If it is not, 2^31 packets were lost in a row, and every one from now on looks so (RFC
 * 4303 appendix A3). A flood of old packets costs the worker no more than one in so many, and nothing as long as the SA
 * carries others: each packet that is opened begins the row anew.
 */
#define LEAPS_TO_A_TRY 256

static __always_inline bool sa_tries_leap(struct sa_state *sa)
{
	const __u32 packets = sa->packets;

	if (sa->leaps_since != packets) {
		sa->leaps_since = packets;
		sa->leaps = 0;
	}
	return __sync_fetch_and_add(&sa->leaps, 1) % LEAPS_TO_A_TRY == LEAPS_TO_A_TRY - 1;
}

/*
 * Whether the sequence number of an inbound packet is certainly of no use: 0, or behind the window. seq: the 32 bits on
 * the wire. The worker, which has the bitmap, decides on the others. The window may be further on than is seen here:
 * so nothing is taken for old that is in it.
 */
static __always_inline bool sa_is_behind(struct sa_state *sa, __u32 seq)
{
	const __u64 top = sa->seen;
	__u64 number;

	if (!(sa->flags & SA_ESN))
		return seq == 0 || (__s64)seq < (__s64)(top - sa->replay_window + 1);
	number = esn_complete(top, seq, sa->replay_window);
	return number == 0 || (esn_is_leap(top, number) && !sa_tries_leap(sa));
}

#endif
