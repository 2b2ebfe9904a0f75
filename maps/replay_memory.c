/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay_memory.h"

#include <errno.h>
#include <string.h>

#include "slots.h"

/* replay_wide.lent_to: the generation, then the slot. 0, which is no generation of a slot in use: to nobody. */
#define SLOT_BITS 24

static uint64_t name_of(uint32_t slot, uint32_t generation)
{
	return (uint64_t)generation << SLOT_BITS | slot;
}

static bool is_free(const struct maps *m, uint64_t lent_to)
{
	const uint32_t slot = (uint32_t)(lent_to & ((1U << SLOT_BITS) - 1));

	return !lent_to || slot >= m->slots || slot_is_over(m, slot, (uint32_t)(lent_to >> SLOT_BITS));
}

static bool borrow(const struct maps *m, uint32_t index, uint64_t name)
{
	struct replay_wide *wide = &m->wide[index];
	__u64 lent_to = __atomic_load_n(&wide->lent_to, __ATOMIC_ACQUIRE);

	return is_free(m, lent_to) &&
	       __atomic_compare_exchange_n(&wide->lent_to, &lent_to, name, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

/* IKE's slots go in pairs, of which one is inbound: neighbours begin to look next to each other. */
int replay_make_room(const struct maps *m, uint32_t slot, uint16_t window)
{
	const uint32_t count = replay_wides(m->slots);
	const uint64_t name = name_of(slot, slot_generation(m->sa, slot));

	if (window <= REPLAY_NARROW)
		return 0;
	for (uint32_t i = 0; i < count; i++) {
		const uint32_t at = (slot / 2 + i) % count;

		if (!borrow(m, at, name))
			continue;
		memset(m->wide[at].words, 0, sizeof(m->wide[at].words));
		m->bitmaps[slot].wide = at;
		return 0;
	}
	return -ENOSPC;
}

__u64 *replay_ring(const struct maps *m, uint32_t slot, uint32_t generation, uint16_t window)
{
	struct replay_bitmap *bitmap = &m->bitmaps[slot];
	const uint32_t wide = __atomic_load_n(&bitmap->wide, __ATOMIC_RELAXED);

	if (window <= REPLAY_NARROW)
		return bitmap->words;
	if (wide >= replay_wides(m->slots) || m->wide[wide].lent_to != name_of(slot, generation))
		return NULL;
	return m->wide[wide].words;
}

void replay_take_for_seen(const struct maps *m, uint32_t slot, uint16_t window, uint64_t seq)
{
	const uint32_t words = replay_words(window);
	__u64 *ring = replay_ring(m, slot, slot_generation(m->sa, slot), window);

	if (!ring || !seq)
		return;
	memset(ring, 0xff, words * sizeof(*ring));
	ring[seq / 64 % words] = ~0ULL >> (63 - seq % 64);
}
