/* SPDX-License-Identifier: BSD-2-Clause */
#include "park.h"

#include <string.h>

struct parked *park_find(struct park *k, uint32_t slot, uint32_t generation)
{
	for (uint32_t i = 0; i < PARK_SLOTS; i++) {
		struct parked *entry = &k->slots[i];

		if (entry->count && entry->slot == slot && entry->generation == generation)
			return entry;
	}
	return NULL;
}

static struct parked *make_entry(struct park *k, uint32_t slot, uint32_t generation, uint64_t now)
{
	for (uint32_t i = 0; i < PARK_SLOTS; i++) {
		struct parked *entry = &k->slots[i];

		if (entry->count)
			continue;
		entry->slot = slot;
		entry->generation = generation;
		entry->until = now + PARK_NS;
		k->waiting++;
		return entry;
	}
	return NULL;
}

bool park_add(struct park *k, uint32_t slot, uint32_t generation, const struct xdp_desc *desc, uint64_t now)
{
	struct parked *entry = park_find(k, slot, generation);

	if (!entry)
		entry = make_entry(k, slot, generation, now);
	if (!entry || entry->count == PARK_FRAMES)
		return false;
	entry->descs[entry->count++] = *desc;
	k->packets++;
	return true;
}

uint32_t park_take(struct park *k, struct parked *entry, struct xdp_desc *descs)
{
	const uint32_t n = entry->count;

	memcpy(descs, entry->descs, n * sizeof(*descs));
	entry->count = 0;
	k->waiting--;
	k->packets -= n;
	return n;
}
