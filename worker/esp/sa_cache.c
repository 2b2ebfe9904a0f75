/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "sa_cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "maps/replay_memory.h"

/* Slots given back that are looked at in a turn: more than one owner gives back meanwhile, and each takes as long as a
 * packet. */
#define RETIRED_AT_ONCE 16
/* Of a sweep at once: words of `loaded`, and SAs. */
#define SWEEP_WORDS 64
#define SWEEP_SAS   64
#define LOADED_BITS 64

int sa_cache_create(struct sa_cache *c, const struct aead *a, struct maps *maps, const struct vault *vault,
		    struct fault *f)
{
	*c = (struct sa_cache){.aead = a, .maps = maps, .vault = vault, .seen = maps->turns->now};
	c->loaded = calloc(maps->slots / LOADED_BITS, sizeof(*c->loaded));
	if (!c->loaded)
		return fault(f, ENOMEM, "expanded keys: %s", strerror(ENOMEM));
	c->size = maps->slots * sa_cache_record_size(a);
	c->records = mmap(NULL, c->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (c->records == MAP_FAILED)
		return fault(f, errno, "expanded keys: %s", strerror(errno));
	/* Where SAs are many, most packets' are on another page; where they are few, two large pages a lane are a
	 * waste. A kernel that has none goes on with small ones. */
	if (maps->slots > SLOTS_DEFAULT)
		madvise(c->records, c->size, MADV_HUGEPAGE);
	if (mlock2(c->records, c->size, MLOCK_ONFAULT) < 0 || madvise(c->records, c->size, MADV_DONTDUMP) < 0)
		return fault(f, errno,
			     "expanded keys: cannot lock %zu bytes: %s: raise 'ulimit -l', or run with CAP_IPC_LOCK",
			     c->size, strerror(errno));
	return 0;
}

static void *context_of(struct sa_cache *c, uint32_t slot)
{
	return sa_cache_at(c, slot) + 1;
}

static void wipe(struct sa_cache *c, uint32_t slot)
{
	esp_sa_wipe(sa_cache_at(c, slot), c->aead);
	c->loaded[slot / LOADED_BITS] &= ~(1ULL << slot % LOADED_BITS);
}

struct esp_sa *sa_cache_load(struct sa_cache *c, uint32_t slot, uint32_t generation)
{
	struct esp_sa *sa = sa_cache_at(c, slot);
	struct sa_state *state = &c->maps->sa[slot];
	struct vault_entry key;
	uint16_t window;
	__u64 *ring;
	int err;

	if (sa->generation)
		wipe(c, slot);
	if (!slot_in_use(generation) || !vault_load(c->vault, slot, generation, &key))
		return NULL;
	window = __atomic_load_n(&state->replay_window, __ATOMIC_RELAXED);
	ring = replay_ring(c->maps, slot, generation, window);
	err = esp_sa_load(sa, c->aead, state, window, ring, &key, context_of(c, slot));
	explicit_bzero(&key, sizeof(key));
	if (err)
		return NULL;
	c->loaded[slot / LOADED_BITS] |= 1ULL << slot % LOADED_BITS;
	return sa;
}

static void wipe_if_gone(struct sa_cache *c, uint32_t slot)
{
	const uint32_t loaded = sa_cache_at(c, slot)->generation;

	if (loaded && loaded != slot_generation(c->maps->sa, slot))
		wipe(c, slot);
}

/* All that have a number by now were of another generation before they got it: a sweep that begins now finds them. */
static void fall_behind(struct sa_cache *c, uint64_t now)
{
	c->seen = now;
	c->swept = 0;
	c->behind = true;
}

void sa_cache_wipe_retired(struct sa_cache *c)
{
	const uint64_t now = __atomic_load_n(&c->maps->turns->now, __ATOMIC_ACQUIRE);

	if (c->behind)
		c->behind = sa_cache_sweep(c);
	for (int i = 0; i < RETIRED_AT_ONCE && c->seen != now; i++) {
		const uint32_t slot = turns_retired(c->maps->turns, ++c->seen);

		if (slot >= c->maps->slots)
			fall_behind(c, now);
		else
			wipe_if_gone(c, slot);
	}
}

bool sa_cache_sweep(struct sa_cache *c)
{
	const uint32_t words = c->maps->slots / LOADED_BITS;
	int sas = 0;

	for (uint32_t i = 0; i < SWEEP_WORDS && sas < SWEEP_SAS && c->swept < words; i++, c->swept++)
		for (uint64_t left = c->loaded[c->swept]; left; left &= left - 1, sas++)
			wipe_if_gone(c, c->swept * LOADED_BITS + (uint32_t)__builtin_ctzll(left));
	if (c->swept < words)
		return true;
	c->swept = 0;
	return false;
}
