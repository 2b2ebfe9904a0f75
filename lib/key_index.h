/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finds a thing of an array by its key without walking the array: a hash table of places. It knows neither the things
 * nor their keys, so the array may move; whoever takes things out of it, or sorts it, clears the index and enters them
 * anew. Keys are chosen by who writes the configuration, so nothing is done against such as fall on one another.
 */
#ifndef LIB_KEY_INDEX_H
#define LIB_KEY_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEY_INDEX_NONE SIZE_MAX

/* A zeroed one is empty. */
struct key_index {
	struct key_index_slot *slots;
	size_t room; /* a power of two, or 0 */
	size_t count;
};

/* Of a key of those bytes; more may be mixed in by giving what came before as seed. */
uint64_t key_hash(const void *key, size_t size, uint64_t seed);
uint64_t key_hash_text(const char *text);

/* Enters the thing at that place of the array. 0 or -ENOMEM. */
int key_index_add(struct key_index *index, uint64_t hash, size_t place);

/* The first place entered whose thing is_it() says has the key; KEY_INDEX_NONE: there is none. */
size_t key_index_find(const struct key_index *index, uint64_t hash,
		      bool (*is_it)(const void *array, size_t place, const void *key), const void *array,
		      const void *key);

/* Empties it, and frees what it takes. */
void key_index_clear(struct key_index *index);

#endif
