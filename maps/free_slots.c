/* SPDX-License-Identifier: BSD-2-Clause */
#include "free_slots.h"

#include <stdbool.h>

#define LEVELS 3
#define BITS   64
_Static_assert(BITS *BITS *BITS == SLOTS_MAX, "the word at the top has a bit for everything");

static __u64 *level_of(struct free_slots *f, int level)
{
	return level == 0 ? f->low : level == 1 ? f->mid : &f->top;
}

/* How many bits of that level stand for something: each for a word of the one below that has any. */
static uint32_t bits_of(uint32_t slots, int level)
{
	for (; level; level--)
		slots = (slots + BITS - 1) / BITS;
	return slots;
}

/* Those bits of a word of the level, as a mask. */
static uint64_t mask_of(uint32_t slots, int level, uint32_t word)
{
	const uint32_t left = bits_of(slots, level) - word * BITS;

	return left >= BITS ? UINT64_MAX : (1ULL << left) - 1;
}

/* The first bit of the level from `at` on, within its word, that is clear. UINT32_MAX: there is none. */
static uint32_t next_in_word(const struct free_slots *f, int level, uint32_t at, uint32_t slots)
{
	const __u64 *words = level_of((struct free_slots *)f, level);
	uint64_t clear;

	if (at >= bits_of(slots, level))
		return UINT32_MAX;
	clear = ~__atomic_load_n(&words[at / BITS], __ATOMIC_RELAXED) & mask_of(slots, level, at / BITS);
	clear &= UINT64_MAX << at % BITS;
	return clear ? at / BITS * BITS + (uint32_t)__builtin_ctzll(clear) : UINT32_MAX;
}

/* Up until there is a word further on in which something is free, and down to it again. What is told above may be gone
 * below; then it goes on behind that. */
uint32_t free_slots_next(const struct free_slots *f, uint32_t from, uint32_t slots)
{
	uint32_t at = from;
	int level = 0;

	while (level < LEVELS) {
		const uint32_t found = next_in_word(f, level, at, slots);

		if (found != UINT32_MAX && level == 0)
			return found;
		if (found != UINT32_MAX) {
			level--;
			at = found * BITS;
		} else {
			level++;
			at = at / BITS + 1;
		}
	}
	return SLOT_NONE;
}

static bool is_full(struct free_slots *f, int level, uint32_t word, uint32_t slots)
{
	const uint64_t mask = mask_of(slots, level, word);

	return (__atomic_load_n(&level_of(f, level)[word], __ATOMIC_SEQ_CST) & mask) == mask;
}

/* Clears the bit, and those above. One that is clear above has been cleared by another, or is yet to be looked at by
 * who sets it: see free_slots_take(). */
static void clear_from(struct free_slots *f, int level, uint32_t at)
{
	for (; level < LEVELS; level++, at /= BITS) {
		__u64 *word = &level_of(f, level)[at / BITS];
		const uint64_t bit = 1ULL << at % BITS;

		if (__atomic_load_n(word, __ATOMIC_SEQ_CST) & bit)
			__atomic_fetch_and(word, ~bit, __ATOMIC_SEQ_CST);
	}
}

/*
 * Who fills a word sets the bit above it, and then looks at the word again: one who clears a bit in it either finds the
 * bit above set, and clears that too, or has cleared his before this second look.
 */
void free_slots_take(struct free_slots *f, uint32_t slot, uint32_t slots)
{
	uint32_t at = slot;

	for (int level = 0; level < LEVELS; level++, at /= BITS) {
		__atomic_fetch_or(&level_of(f, level)[at / BITS], 1ULL << at % BITS, __ATOMIC_SEQ_CST);
		if (level && !is_full(f, level - 1, at, slots)) {
			clear_from(f, level, at);
			return;
		}
		if (!is_full(f, level, at / BITS, slots))
			return;
	}
}

void free_slots_give(struct free_slots *f, uint32_t slot)
{
	clear_from(f, 0, slot);
}
