/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A later fragment shows neither ports nor an SPI, so the decision on the first fragment of its datagram is kept for it
 * (RFC 4301 section 7.3, "stateful fragment checking"). Without a known first, it is decided on as the worst that it
 * could be.
 *
 * No two datagrams under way have the same addresses, protocol and ID, says RFC 791; but of those that leave, some do:
 * a connected socket counts IDs from where it likes. So a decision that keeps a datagram from leaving in clear has a
 * place of its own, and goes before one that does not. In one place for both the later of two would be in force, and
 * which that is CPUs may decide between them.
 */
#ifndef BPF_FRAGMENTS_H
#define BPF_FRAGMENTS_H

#include "cfg.h"
#include "parse.h"
#include "policy.h"

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

static __always_inline struct fragment_key fragment_key(const struct packet *p, bool kept_back)
{
	struct fragment_key key = {.id = p->id, .proto = p->proto, .kept_back = kept_back};

	__builtin_memcpy(key.src, &p->src, sizeof(key.src));
	__builtin_memcpy(key.dst, &p->dst, sizeof(key.dst));
	return key;
}

static __always_inline void fragment_write(void *map, const struct fragment_key *key, int action, __u32 slot,
					   __u32 generation)
{
	const struct fragment_value value = {
		.time_ns = bpf_ktime_get_boot_ns(),
		.action = action,
		.slot = slot,
		.generation = generation,
	};

	bpf_map_update_elem(map, key, &value, BPF_ANY);
}

static __always_inline const struct fragment_value *fragment_find(void *map, const struct fragment_key *key)
{
	const struct fragment_value *value = bpf_map_lookup_elem(map, key);

	return value && bpf_ktime_get_boot_ns() - value->time_ns < FRAGMENT_NS ? value : NULL;
}

/* Keeps a decision on a first fragment that comes in. */
static __always_inline void fragment_remember_in(const struct packet *p, int action, __u32 slot, __u32 generation)
{
	const struct fragment_key key = fragment_key(p, false);

	fragment_write(&fragments_in, &key, action, slot, generation);
}

/* The decision on the first fragment of p's datagram, or NULL. */
static __always_inline const struct fragment_value *fragment_recall_in(const struct packet *p)
{
	const struct fragment_key key = fragment_key(p, false);

	return fragment_find(&fragments_in, &key);
}

/* The same two for what leaves. */
static __always_inline void fragment_remember_out(const struct packet *p, int action, __u32 slot, __u32 generation)
{
	const struct fragment_key key = fragment_key(p, action == SPD_PROTECT || action == SPD_DISCARD);

	fragment_write(&fragments_out, &key, action, slot, generation);
}

static __always_inline const struct fragment_value *fragment_recall_out(const struct packet *p)
{
	const struct fragment_key kept_back = fragment_key(p, true), in_clear = fragment_key(p, false);
	const struct fragment_value *found = fragment_find(&fragments_out, &kept_back);

	return found ? found : fragment_find(&fragments_out, &in_clear);
}

/* Whether another datagram with p's ID has begun to leave in clear since p's own, if it is that, was kept back: nobody
 * can tell whose fragment p is. */
static __always_inline bool fragment_is_of_either(const struct packet *p, const struct fragment_value *kept_back)
{
	const struct fragment_key key = fragment_key(p, false);
	const struct fragment_value *other = fragment_find(&fragments_out, &key);

	return other && other->time_ns > kept_back->time_ns;
}

#endif
