/* SPDX-License-Identifier: BSD-2-Clause */
#include "slots.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

static bool try_claim(struct sa_state *sa)
{
	uint32_t free = __atomic_load_n(&sa->generation, __ATOMIC_ACQUIRE);

	return !slot_in_use(free) &&
	       __atomic_compare_exchange_n(&sa->generation, &free, free + 1, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

int slot_claim(struct sa_state *table, struct replay_bitmap *bitmaps, uint32_t hint, uint32_t *slot)
{
	for (uint32_t i = 0; i < SLOTS_MAX; i++) {
		uint32_t at = (hint + i) % SLOTS_MAX;
		const size_t identity = sizeof(table[at].generation);

		if (!try_claim(&table[at]))
			continue;
		memset((char *)&table[at] + identity, 0, sizeof(table[at]) - identity);
		memset(&bitmaps[at], 0, sizeof(bitmaps[at]));
		*slot = at;
		return 0;
	}
	return -ENOSPC;
}

void slot_release(struct sa_state *table, uint32_t slot, uint32_t generation)
{
	if (slot_in_use(generation))
		__atomic_compare_exchange_n(&table[slot].generation, &generation, generation + 1, false,
					    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}
