/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The SAs as the worker uses them: by slot, with the key expanded when a
 * generation is first seen, and wiped when that generation is gone.
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
	uint8_t *contexts;  /* SLOTS_MAX of aead->ctx_size */
	size_t size;
};

/* Reserves locked, undumpable room for every slot; memory is used as SAs are. 0 or -errno. */
int sa_cache_create(struct sa_cache *c, const struct aead *a, struct maps *maps, const struct vault *vault,
		    struct fault *f);

/* Loads the SA if the slot is of that generation now and its key is in the vault; else NULL. */
struct esp_sa *sa_cache_load(struct sa_cache *c, uint32_t slot, uint32_t generation);

/* The SA in that slot if it is, and still is, of that generation; else NULL. */
static inline struct esp_sa *sa_cache_get(struct sa_cache *c, uint32_t slot, uint32_t generation)
{
	if (slot >= SLOTS_MAX || slot_generation(c->maps->sa, slot) != generation)
		return NULL;
	if (c->sas[slot].generation == generation)
		return &c->sas[slot];
	return sa_cache_load(c, slot, generation);
}

/* Whether the slot is in use and of that generation, so that its key may yet come. */
static inline bool sa_cache_awaits(const struct sa_cache *c, uint32_t slot, uint32_t generation)
{
	return slot < SLOTS_MAX && slot_in_use(generation) && slot_generation(c->maps->sa, slot) == generation;
}

/* Wipes the keys of SAs that are gone. To be called now and then. */
void sa_cache_sweep(struct sa_cache *c);

#endif
