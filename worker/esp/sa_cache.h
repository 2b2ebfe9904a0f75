/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The SAs as the worker uses them, by slot. An SA is loaded, and its key expanded, when a packet first asks for it; its
 * expanded key is wiped in the lane's first turn after the slot was given back (turns_retired). What is wiped in a turn
 * is bounded, and so is what is looked at for that, however many SAs there are.
 */
#ifndef WORKER_ESP_SA_CACHE_H
#define WORKER_ESP_SA_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "aead.h"
#include "esp.h"
#include "maps/maps.h"
#include "maps/slots.h"
#include "maps/turns.h"
#include "maps/vault.h"
#include "packet/prefetch.h"

struct sa_cache {
	const struct aead *aead;
	struct maps *maps;
	const struct vault *vault;
	uint8_t *records; /* one for each slot: struct esp_sa, and behind it its context */
	size_t size;	  /* of all, bytes */
	uint64_t *loaded; /* a bit for each slot: something is loaded */
	uint64_t seen;	  /* number of the slot given back that was looked at last */
	uint32_t swept;	  /* words of `loaded` that the sweep has gone through */
	bool behind;	  /* of slots given back some were not told of: a sweep finds them */
};

/*
 * Reserves room for every slot, which is locked into memory and in no core dump. A page takes memory when the first SA
 * on it is loaded. aead, maps and vault stay the caller's, for as long as the cache is used. 0 or -errno.
 */
int sa_cache_create(struct sa_cache *c, const struct aead *a, struct maps *maps, const struct vault *vault,
		    struct fault *f);

/* Bytes of a record. */
static inline size_t sa_cache_record_size(const struct aead *a)
{
	return sizeof(struct esp_sa) + a->ctx_size;
}

/*
 * Of a slot below maps->slots. An SA and its key are beside each other, often on one page; and with a context of
 * 2^n lines those of many SAs do not all want the same few places of the CPU's cache.
 */
static inline struct esp_sa *sa_cache_at(const struct sa_cache *c, uint32_t slot)
{
	return (struct esp_sa *)(c->records + slot * sa_cache_record_size(c->aead));
}

/* Loads the SA in a slot (below maps->slots), over what was loaded there. NULL: the slot is not of that generation, or
 * its key is not in the vault yet. The SA stays the cache's. */
struct esp_sa *sa_cache_load(struct sa_cache *c, uint32_t slot, uint32_t generation);

/* Whether sa_cache_get finds that SA without loading it, or nothing. */
static inline bool sa_cache_has(const struct sa_cache *c, uint32_t slot, uint32_t generation)
{
	return slot < c->maps->slots && sa_cache_at(c, slot)->generation == generation;
}

/* The SA in that slot, loaded if need be. NULL: there is no such slot, the slot is of another generation now, or its
 * key is not in the vault yet. Good until the end of the turn (turns.h). */
static inline struct esp_sa *sa_cache_get(struct sa_cache *c, uint32_t slot, uint32_t generation)
{
	if (slot >= c->maps->slots || !slot_in_use(generation) || slot_generation(c->maps->sa, slot) != generation)
		return NULL;
	if (sa_cache_has(c, slot, generation))
		return sa_cache_at(c, slot);
	return sa_cache_load(c, slot, generation);
}

/* The generation of the slot that a frame's tag names, for sa_cache_get. 0: there is no SA that the tag may be of. */
static inline uint32_t sa_cache_tagged(const struct sa_cache *c, const struct tx_tag *tag)
{
	const uint32_t slot = tx_tag_slot(tag);
	const uint32_t generation = slot < c->maps->slots ? slot_generation(c->maps->sa, slot) : 0;

	return slot_in_use(generation) && tx_tag_is_of(tag, generation) ? generation : 0;
}

/* Asks for what sa_cache_get and a packet's number take, ahead of both: of thousands of SAs most are not in the CPU's
 * cache. Any slot may be given. */
static inline void sa_cache_prefetch(const struct sa_cache *c, uint32_t slot)
{
	if (slot >= c->maps->slots)
		return;
	prefetch_line(&c->maps->sa[slot].generation);
	prefetch_line_to_write(&c->maps->sa[slot].seq);
	prefetch_line(sa_cache_at(c, slot));
}

/* Whether a key may yet come for that slot and generation: the slot is in use, and still of that generation. */
static inline bool sa_cache_awaits(const struct sa_cache *c, uint32_t slot, uint32_t generation)
{
	return slot < c->maps->slots && slot_in_use(generation) && slot_generation(c->maps->sa, slot) == generation;
}

/* For sa_cache_follow. */
void sa_cache_wipe_retired(struct sa_cache *c);

/* Called at the begin of each turn: wipes the expanded keys of slots that were given back, a few at once. */
static inline void sa_cache_follow(struct sa_cache *c)
{
	if (c->behind || c->seen != __atomic_load_n(&c->maps->turns->now, __ATOMIC_ACQUIRE))
		sa_cache_wipe_retired(c);
}

/*
 * The next part of a sweep through all that is loaded, which wipes the keys of slots that are of another generation
 * now. Also called now and then where nothing is behind: who was killed while he gave a slot back has told nobody.
 * False: it has come to the end, and begins again with the next call.
 */
bool sa_cache_sweep(struct sa_cache *c);

#endif
