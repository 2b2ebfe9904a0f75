/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The SAs as the worker uses them, by slot. An SA is loaded, and its key expanded, when a packet first asks for it; its
 * expanded key is wiped once the slot is of another generation.
 */
#ifndef WORKER_SA_CACHE_H
#define WORKER_SA_CACHE_H

#include <stdint.h>

#include "aead.h"
#include "esp.h"
#include "maps/maps.h"
#include "maps/slots.h"
#include "maps/vault.h"

struct sa_cache {
	const struct aead *aead;
	struct maps *maps;
	const struct vault *vault;
	struct esp_sa *sas; /* SLOTS_MAX */
	uint8_t *contexts;  /* SLOTS_MAX of aead->ctx_size bytes */
	size_t size;	    /* of both, bytes */
};

/*
 * Reserves room for every slot, which is locked into memory and in no core dump. A page takes memory when the first SA
 * on it is loaded. aead, maps and vault stay the caller's, for as long as the cache is used. 0 or -errno.
 */
int sa_cache_create(struct sa_cache *c, const struct aead *a, struct maps *maps, const struct vault *vault,
		    struct fault *f);

/* Loads the SA in a slot (below SLOTS_MAX), over what was loaded there. NULL: the slot is not of that generation, or
 * its key is not in the vault yet. The SA stays the cache's. */
struct esp_sa *sa_cache_load(struct sa_cache *c, uint32_t slot, uint32_t generation);

/* The SA in that slot, loaded if need be. NULL: there is no such slot, the slot is of another generation now, or its
 * key is not in the vault yet. Good until the end of the turn (turns.h). */
static inline struct esp_sa *sa_cache_get(struct sa_cache *c, uint32_t slot, uint32_t generation)
{
	if (slot >= SLOTS_MAX || slot_generation(c->maps->sa, slot) != generation)
		return NULL;
	if (c->sas[slot].generation == generation)
		return &c->sas[slot];
	return sa_cache_load(c, slot, generation);
}

/*
 * Asks for what sa_cache_get and a packet's call of the cipher read, ahead of both: of thousands of SAs most are not in
 * the CPU's cache. Any slot may be given.
 */
static inline void sa_cache_prefetch(const struct sa_cache *c, uint32_t slot)
{
	if (slot >= SLOTS_MAX)
		return;
	__builtin_prefetch(&c->maps->sa[slot].generation);
	__builtin_prefetch(&c->maps->sa[slot].seq, 1);
	__builtin_prefetch(&c->sas[slot]);
	c->aead->prefetch(c->contexts + slot * c->aead->ctx_size);
}

/* Whether a key may yet come for that slot and generation: the slot is in use, and still of that generation. */
static inline bool sa_cache_awaits(const struct sa_cache *c, uint32_t slot, uint32_t generation)
{
	return slot < SLOTS_MAX && slot_in_use(generation) && slot_generation(c->maps->sa, slot) == generation;
}

/* Called now and then: wipes the expanded keys of slots that are of another generation now. */
void sa_cache_sweep(struct sa_cache *c);

#endif
