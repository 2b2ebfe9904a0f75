/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Events for the loader and IKE, through the ring buffer. An event that any packet can cause is told at most once in
 * GATE_NS, by its key in event_gate; an event in the life of an SA is told once (sa.h).
 */
#ifndef BPF_EVENTS_H
#define BPF_EVENTS_H

#include "cfg.h"
#include "parse.h"

/* How long the same event is not told again. With less, a TCP that retransmits floods the reader; with more, a lost
 * acquire delays the SA. */
#define GATE_NS 1000000000ULL
/* The same of a lane that has no SA of its own, whose packets go by another one meanwhile. With less, a peer that wants
 * no more of them costs an event a second for each lane; with more, a lane waits longer when one was lost. */
#define LANE_GATE_NS 5000000000ULL

/*
 * The rate of all unknown SPIs together: 100 a second, and as many at once. They cost their sender nothing and can all
 * differ, so a gate for each is not enough. With a higher rate an attacker fills the ring, and pushes acquires out of
 * the gate's LRU; with a lower one the few SPIs of a peer that has lost its SAs drown.
 */
#define SPI_EVENT_NS	10000000ULL
#define SPI_EVENT_BURST 100

/* Sends an event, stamped with the time. False: the ring is full, because the reader is too far behind. */
static __always_inline bool event_send(struct event *e)
{
	e->time_ns = bpf_ktime_get_boot_ns();
	return bpf_ringbuf_output(&events, e, sizeof(*e), 0) == 0;
}

static __always_inline struct event_gate_key gate_key(const struct packet *p, __u32 type, __u32 detail)
{
	struct event_gate_key key = {.type = type, .detail = detail};

	__builtin_memcpy(key.src, &p->src, sizeof(key.src));
	__builtin_memcpy(key.dst, &p->dst, sizeof(key.dst));
	return key;
}

static __always_inline bool gate_is_open(const struct event_gate_key *key, __u64 now, __u64 shut_ns)
{
	__u64 *told = bpf_map_lookup_elem(&event_gate, key);

	return !told || now - *told >= shut_ns;
}

static __always_inline void gate_shut(const struct event_gate_key *key, __u64 now)
{
	bpf_map_update_elem(&event_gate, key, &now, BPF_ANY);
}

/* When the next unknown SPI would be due, ns, if they came at exactly their rate (GCRA of ITU-T I.371). */
static __u64 spi_event_due;

static __always_inline bool spi_event_allowed(__u64 now)
{
	__u64 due = spi_event_due, from;

	if (due > now + SPI_EVENT_BURST * SPI_EVENT_NS)
		return false;
	from = due > now ? due : now;
	return __sync_val_compare_and_swap(&spi_event_due, due, from + SPI_EVENT_NS) == due;
}

static __always_inline struct event event_of(const struct packet *p, __u32 type)
{
	struct event e = {.type = type, .proto = p->proto, .ifindex = p->nic.ifindex};

	__builtin_memcpy(e.src, &p->src, sizeof(e.src));
	__builtin_memcpy(e.dst, &p->dst, sizeof(e.dst));
	return e;
}

static __always_inline void event_unknown_spi(const struct packet *p, __u32 spi)
{
	struct event_gate_key key = gate_key(p, EVENT_UNKNOWN_SPI, spi);
	__u64 now = bpf_ktime_get_boot_ns();
	struct event e;

	if (!gate_is_open(&key, now, GATE_NS) || !spi_event_allowed(now))
		return;
	gate_shut(&key, now);
	e = event_of(p, EVENT_UNKNOWN_SPI);
	e.spi = spi;
	event_send(&e);
}

/* place: of the rule that wants an SA, in its entry of the SPD; lane: as in struct event. Acquires of different rules
 * and lanes are told independently. */
static __always_inline void event_acquire(const struct packet *p, __u32 place, __u32 lane)
{
	struct event_gate_key key = gate_key(p, EVENT_ACQUIRE, place | lane << 8);
	__u64 now = bpf_ktime_get_boot_ns();
	struct event e;

	if (!gate_is_open(&key, now, lane ? LANE_GATE_NS : GATE_NS))
		return;
	e = event_of(p, EVENT_ACQUIRE);
	e.lane = lane;
	if (p->ports == PORTS_KNOWN) {
		e.sport = p->sport;
		e.dport = p->dport;
	}
	if (event_send(&e))
		gate_shut(&key, now);
}

#endif
