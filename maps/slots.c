/* SPDX-License-Identifier: BSD-2-Clause */
#include "slots.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "turns.h"

/*
 * sa_state.released: the number to wait for (turns.h), and, in the low bits, the generation that became free with it.
 * One word, so that they belong together whoever is killed. Either half is good for a thousand a second for years.
 */
#define GENERATION_BITS 24
#define GENERATION_MASK ((1U << GENERATION_BITS) - 1)

static bool is_numbered(uint64_t released, uint32_t generation)
{
	return (released & GENERATION_MASK) == (generation & GENERATION_MASK);
}

/*
 * After the generation has told everyone that the slot is free, never before. Whoever comes first does it: the
 * owner that gave the slot back, or, if he was killed or is slow, the one who wants it.
 */
static void number(const struct maps *m, struct sa_state *sa, uint32_t generation)
{
	__u64 released = __atomic_load_n(&sa->released, __ATOMIC_ACQUIRE);
	const uint64_t next = turns_next(m->turns);

	if (!is_numbered(released, generation))
		__atomic_compare_exchange_n(&sa->released, &released,
					    next << GENERATION_BITS | (generation & GENERATION_MASK), false,
					    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

/* Whether nobody uses the slot, free as of that generation, for what was in it. */
static bool is_out_of_use(const struct maps *m, struct sa_state *sa, uint32_t generation)
{
	__u64 released = __atomic_load_n(&sa->released, __ATOMIC_ACQUIRE);

	if (!is_numbered(released, generation)) {
		number(m, sa, generation);
		released = __atomic_load_n(&sa->released, __ATOMIC_ACQUIRE);
	}
	return is_numbered(released, generation) && turns_are_past(m->turns, released >> GENERATION_BITS);
}

static bool try_claim(const struct maps *m, struct sa_state *sa)
{
	uint32_t free = __atomic_load_n(&sa->generation, __ATOMIC_ACQUIRE);

	return !slot_in_use(free) && is_out_of_use(m, sa, free) &&
	       __atomic_compare_exchange_n(&sa->generation, &free, free + 1, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

/* A number of the generation that is in use is none for the one that will be free: it gets its own when that is. */
static void clear(struct sa_state *sa, struct replay_bitmap *bitmap)
{
	const size_t identity = sizeof(sa->generation);

	memset((char *)sa + identity, 0, sizeof(*sa) - identity);
	sa->released = sa->generation & GENERATION_MASK;
	memset(bitmap, 0, sizeof(*bitmap));
}

int slot_claim(const struct maps *m, uint32_t hint, uint32_t *slot)
{
	for (uint32_t i = 0; i < SLOTS_MAX; i++) {
		uint32_t at = (hint + i) % SLOTS_MAX;

		if (!try_claim(m, &m->sa[at]))
			continue;
		clear(&m->sa[at], &m->bitmaps[at]);
		*slot = at;
		return 0;
	}
	return -ENOSPC;
}

void slot_release(const struct maps *m, uint32_t slot, uint32_t generation)
{
	struct sa_state *sa = &m->sa[slot];
	const uint32_t free = generation + 1;

	if (!slot_in_use(generation) ||
	    !__atomic_compare_exchange_n(&sa->generation, &generation, free, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return;
	number(m, sa, free);
}
