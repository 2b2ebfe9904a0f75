/* SPDX-License-Identifier: BSD-2-Clause */
#include "spd_empty.h"

#include <stdlib.h>
#include <string.h>

#include "lib/bytes.h"

#define WORDS (sizeof(struct spd_empty) / sizeof(uint64_t))

static void clear_bits(__u64 *words, uint32_t first, uint32_t last)
{
	for (uint32_t at = first; at <= last; at++) {
		/* A whole word at once. */
		if (at % 64 == 0 && last - at >= 63) {
			words[at / 64] = 0;
			at += 63;
		} else {
			words[at / 64] &= ~(1ULL << at % 64);
		}
	}
}

static void clear_narrow(struct spd_empty *empty, uint32_t first, uint32_t last)
{
	const uint32_t all = (1U << SPD_EMPTY_NARROW_BITS) - 1;

	if ((last >> 8) - (first >> 8) >= all)
		clear_bits(empty->narrow, 0, all);
	else /* a prefix of so few begins at a multiple of its length, so it does not go round */
		clear_bits(empty->narrow, spd_empty_narrow(first), spd_empty_narrow(last));
}

struct spd_empty *spd_empty_make(const struct spd_image *image)
{
	struct spd_empty *empty = malloc(sizeof(*empty));

	if (!empty)
		return NULL;
	memset(empty, 0xff, sizeof(*empty));
	for (size_t i = 0; i < image->count; i++) {
		const struct spd_key *key = &image->items[i].key;
		const uint32_t first = load_be32(key->remote);
		const uint32_t last = first | (uint32_t)(0xffffffffULL >> key->prefixlen);

		clear_bits(empty->wide, spd_empty_wide(first), spd_empty_wide(last));
		clear_narrow(empty, first, last);
	}
	return empty;
}

/* Words are written one by one while the datapath reads them. */
static void write_words(struct spd_empty *map, const struct spd_empty *wanted, uint64_t besides)
{
	const __u64 *from = (const __u64 *)wanted;
	__u64 *to = (__u64 *)map;

	for (size_t i = 0; i < WORDS; i++) {
		const uint64_t word = from[i] & (to[i] | besides);

		if (to[i] != word)
			__atomic_store_n(&to[i], word, __ATOMIC_RELEASE);
	}
}

void spd_empty_before(struct spd_empty *map, const struct spd_empty *wanted)
{
	write_words(map, wanted, 0);
}

void spd_empty_after(struct spd_empty *map, const struct spd_empty *wanted)
{
	write_words(map, wanted, ~0ULL);
}
