/* SPDX-License-Identifier: BSD-2-Clause */
#include "seen.h"

#include <err.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_FIRST (1UL << 16)

static uint64_t mix(uint64_t x)
{
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93ULL;
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93ULL;
	return x ^ x >> 32;
}

static void make_room(struct seen *s, size_t size)
{
	s->size = size;
	s->entries = calloc(size, sizeof(*s->entries));
	if (!s->entries)
		err(2, "%zu entries", size);
}

void seen_init(struct seen *s)
{
	*s = (struct seen){0};
	make_room(s, SIZE_FIRST);
}

/* Where it is, or would be. */
static struct seen_entry *place_of(const struct seen *s, uint32_t key, uint64_t number)
{
	size_t i = mix(number ^ mix(key)) & (s->size - 1);

	while (s->entries[i].key && (s->entries[i].key != key || s->entries[i].number != number))
		i = (i + 1) & (s->size - 1);
	return &s->entries[i];
}

static void grow(struct seen *s)
{
	const struct seen old = *s;

	make_room(s, 2 * old.size);
	for (size_t i = 0; i < old.size; i++)
		if (old.entries[i].key)
			*place_of(s, old.entries[i].key, old.entries[i].number) = old.entries[i];
	free(old.entries);
}

enum seen_before seen_add(struct seen *s, uint32_t key, uint64_t number, uint32_t content)
{
	struct seen_entry *e = place_of(s, key, number);

	if (e->key)
		return e->content == content ? SEEN_SAME : SEEN_OTHER;
	*e = (struct seen_entry){.number = number, .key = key, .content = content};
	if (++s->count > s->size / 4 * 3)
		grow(s);
	return SEEN_FIRST;
}

uint32_t seen_content(const uint8_t *octets, size_t length)
{
	uint64_t hash = length, word;

	for (; length >= sizeof(word); octets += sizeof(word), length -= sizeof(word)) {
		memcpy(&word, octets, sizeof(word));
		hash = mix(hash ^ word);
	}
	word = 0;
	memcpy(&word, octets, length);
	return (uint32_t)mix(hash ^ word);
}
