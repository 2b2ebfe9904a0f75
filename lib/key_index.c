/* SPDX-License-Identifier: BSD-2-Clause */
#include "key_index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_MIN 64

/* used: place + 1, so that zeroed memory is an empty table. */
struct key_index_slot {
	uint64_t hash;
	size_t used;
};

/* FNV-1a, and its bits mixed once more at the end, as places are the lowest of them. */
uint64_t key_hash(const void *key, size_t size, uint64_t seed)
{
	const uint8_t *bytes = key;
	uint64_t hash = seed ^ 0xcbf29ce484222325ULL;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ bytes[i]) * 0x100000001b3ULL;
	hash ^= hash >> 32;
	return hash * 0x9e3779b97f4a7c15ULL;
}

uint64_t key_hash_text(const char *text)
{
	return key_hash(text, strlen(text), 0);
}

static size_t first_slot(const struct key_index *index, uint64_t hash)
{
	return (size_t)(hash >> 32) & (index->room - 1);
}

static void put(struct key_index *index, uint64_t hash, size_t used)
{
	size_t at = first_slot(index, hash);

	while (index->slots[at].used)
		at = (at + 1) & (index->room - 1);
	index->slots[at] = (struct key_index_slot){hash, used};
}

static int compare(const void *a, const void *b)
{
	const size_t x = ((const struct key_index_slot *)a)->used, y = ((const struct key_index_slot *)b)->used;

	return (x > y) - (x < y);
}

/* In the order in which they were entered, or the first of two with one key would be another. */
static int grow(struct key_index *index)
{
	struct key_index bigger = {.room = index->room ? 2 * index->room : ROOM_MIN};

	bigger.slots = calloc(bigger.room, sizeof(*bigger.slots));
	if (!bigger.slots)
		return -ENOMEM;
	if (index->room)
		qsort(index->slots, index->room, sizeof(*index->slots), compare);
	for (size_t i = 0; i < index->room; i++)
		if (index->slots[i].used)
			put(&bigger, index->slots[i].hash, index->slots[i].used);
	free(index->slots);
	index->slots = bigger.slots;
	index->room = bigger.room;
	return 0;
}

int key_index_add(struct key_index *index, uint64_t hash, size_t place)
{
	/* Half of it stays empty, so that a search is short. */
	if (2 * (index->count + 1) > index->room && grow(index))
		return -ENOMEM;
	put(index, hash, place + 1);
	index->count++;
	return 0;
}

size_t key_index_find(const struct key_index *index, uint64_t hash,
		      bool (*is_it)(const void *array, size_t place, const void *key), const void *array,
		      const void *key)
{
	size_t at;

	if (!index->room)
		return KEY_INDEX_NONE;
	for (at = first_slot(index, hash); index->slots[at].used; at = (at + 1) & (index->room - 1))
		if (index->slots[at].hash == hash && is_it(array, index->slots[at].used - 1, key))
			return index->slots[at].used - 1;
	return KEY_INDEX_NONE;
}

void key_index_clear(struct key_index *index)
{
	free(index->slots);
	*index = (struct key_index){0};
}
