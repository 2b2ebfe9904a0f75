/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "sa_cache.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

int sa_cache_create(struct sa_cache *c, const struct aead *a, struct maps *maps, const struct vault *vault,
		    struct fault *f)
{
	const size_t sas = SLOTS_MAX * sizeof(struct esp_sa);

	*c = (struct sa_cache){.aead = a, .maps = maps, .vault = vault};
	c->size = sas + SLOTS_MAX * a->ctx_size;
	c->sas = mmap(NULL, c->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (c->sas == MAP_FAILED)
		return fault(f, errno, "expanded keys: %s", strerror(errno));
	c->contexts = (uint8_t *)c->sas + sas;
	if (mlock2(c->sas, c->size, MLOCK_ONFAULT) < 0 || madvise(c->sas, c->size, MADV_DONTDUMP) < 0)
		return fault(f, errno,
			     "expanded keys: cannot lock %zu bytes: %s: raise 'ulimit -l', or run with CAP_IPC_LOCK",
			     c->size, strerror(errno));
	return 0;
}

static void *context_of(struct sa_cache *c, uint32_t slot)
{
	return c->contexts + slot * c->aead->ctx_size;
}

struct esp_sa *sa_cache_load(struct sa_cache *c, uint32_t slot, uint32_t generation)
{
	struct esp_sa *sa = &c->sas[slot];
	struct vault_entry key;
	int err;

	if (sa->generation)
		esp_sa_wipe(sa, c->aead);
	if (!slot_in_use(generation) || !vault_load(c->vault, slot, generation, &key))
		return NULL;
	err = esp_sa_load(sa, c->aead, &c->maps->sa[slot], &c->maps->bitmaps[slot], &key, context_of(c, slot));
	explicit_bzero(&key, sizeof(key));
	return err ? NULL : sa;
}

void sa_cache_sweep(struct sa_cache *c)
{
	for (uint32_t slot = 0; slot < SLOTS_MAX; slot++) {
		struct esp_sa *sa = &c->sas[slot];

		if (sa->generation && sa->generation != slot_generation(c->maps->sa, slot))
			esp_sa_wipe(sa, c->aead);
	}
}
