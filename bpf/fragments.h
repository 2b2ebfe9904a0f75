/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A later fragment shows neither ports nor an SPI, so the decision on the first fragment of its datagram is kept for it
 * (RFC 4301 section 7.3, "stateful fragment checking"). Without a known first, it is decided on as the worst that it
 * could be.
 */
#ifndef BPF_FRAGMENTS_H
#define BPF_FRAGMENTS_H

#include "cfg.h"
#include "parse.h"

/*
 * How long a decision is good for. Fragments of one datagram leave together. After a longer time the ID may be another
 * datagram's, whose first fragment never came here.
 */
#define FRAGMENT_NS 1000000000ULL

static __always_inline bool is_first_fragment(const struct packet *p)
{
	return p->fragment && p->first;
}

static __always_inline bool is_later_fragment(const struct packet *p)
{
	return p->fragment && !p->first;
}

static __always_inline struct fragment_key fragment_key(const struct packet *p)
{
	struct fragment_key key = {.id = p->id, .proto = p->proto};

	__builtin_memcpy(key.src, &p->src, sizeof(key.src));
	__builtin_memcpy(key.dst, &p->dst, sizeof(key.dst));
	return key;
}

/* Keeps a decision on a first fragment. map: fragments_in or fragments_out. */
static __always_inline void fragment_remember(void *map, const struct packet *p, int action, __u32 slot,
					      __u32 generation)
{
	struct fragment_key key = fragment_key(p);
	struct fragment_value value = {
		.time_ns = bpf_ktime_get_boot_ns(),
		.action = action,
		.slot = slot,
		.generation = generation,
	};

	bpf_map_update_elem(map, &key, &value, BPF_ANY);
}

/* The decision on the first fragment of p's datagram, or NULL. map: fragments_in or fragments_out. */
static __always_inline const struct fragment_value *fragment_recall(void *map, const struct packet *p)
{
	struct fragment_key key = fragment_key(p);
	const struct fragment_value *value = bpf_map_lookup_elem(map, &key);

	return value && bpf_ktime_get_boot_ns() - value->time_ns < FRAGMENT_NS ? value : NULL;
}

#endif
