/* SPDX-License-Identifier: BSD-2-Clause */
#include "slots.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "free_slots.h"
#include "turns.h"

/*
 * sa_state.released: the number to wait for (turns.h), and, in the low bits, the generation that became free with it.
 * One word, so that they belong together whoever is killed. Either half is good for a thousand a second for years.
 */
#define GENERATION_BITS 24
#define GENERATION_MASK ((1U << GENERATION_BITS) - 1)

/*
 * Slots that a lane may still be at work with are tried one by one, then with larger and larger gaps: the last gap is
 * wider than any table. Fewer, and slots that could be had are not found; more, and a claim takes longer where a lane
 * is kept from its CPU.
 */
#define TRIES_ONE_BY_ONE 16
#define TRIES_MAX	 (TRIES_ONE_BY_ONE + 18)
#define HIDDEN_AT_ONCE	 256

uint64_t slots_looked_at;

static bool is_numbered(uint64_t released, uint32_t generation)
{
	return (released & GENERATION_MASK) == (generation & GENERATION_MASK);
}

/*
 * After the generation has told everyone that the slot is free, never before. Whoever comes first does it: the
 * owner that gave the slot back, or, if he was killed or is slow, the one who wants it.
 */
static void number(const struct maps *m, uint32_t slot, uint32_t generation)
{
	struct sa_state *sa = &m->sa[slot];
	__u64 released = __atomic_load_n(&sa->released, __ATOMIC_ACQUIRE);
	const uint64_t next = turns_next(m->turns);

	if (!is_numbered(released, generation))
		__atomic_compare_exchange_n(&sa->released, &released,
					    next << GENERATION_BITS | (generation & GENERATION_MASK), false,
					    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
	/* That number says so as well where the slot has another's: it is no earlier. */
	turns_retire(m->turns, next, slot);
}

/* Whether nobody uses the slot, free as of that generation, for what was in it. */
static bool is_out_of_use(const struct maps *m, uint32_t slot, uint32_t generation)
{
	struct sa_state *sa = &m->sa[slot];
	__u64 released = __atomic_load_n(&sa->released, __ATOMIC_ACQUIRE);

	if (!is_numbered(released, generation)) {
		number(m, slot, generation);
		released = __atomic_load_n(&sa->released, __ATOMIC_ACQUIRE);
	}
	return is_numbered(released, generation) && turns_are_past(m->turns, released >> GENERATION_BITS);
}

enum tried { CLAIMED, IN_USE, NOT_YET };

static enum tried try_claim(const struct maps *m, uint32_t slot)
{
	struct sa_state *sa = &m->sa[slot];
	uint32_t free = __atomic_load_n(&sa->generation, __ATOMIC_ACQUIRE);

	__atomic_fetch_add(&slots_looked_at, 1, __ATOMIC_RELAXED);
	if (slot_in_use(free))
		return IN_USE;
	if (!is_out_of_use(m, slot, free))
		return NOT_YET;
	return __atomic_compare_exchange_n(&sa->generation, &free, free + 1, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)
		       ? CLAIMED
		       : IN_USE;
}

/*
 * A number of the generation that is in use is none for the one that will be free: it gets its own when that is. Who
 * lost the race for the slot may still look at the two.
 */
static void clear_slot(struct sa_state *sa, struct replay_bitmap *bitmap)
{
	const uint32_t generation = __atomic_load_n(&sa->generation, __ATOMIC_RELAXED);
	const size_t before = sizeof(sa->generation), released = offsetof(struct sa_state, released),
		     after = released + sizeof(sa->released);

	memset((char *)sa + before, 0, released - before);
	__atomic_store_n(&sa->released, generation & GENERATION_MASK, __ATOMIC_RELEASE);
	memset((char *)sa + after, 0, sizeof(*sa) - after);
	memset(bitmap, 0, sizeof(*bitmap));
}

/* Found in use, though the bit said otherwise: whoever claimed it was killed just then, or has not set it yet. Or it
 * was given back since, and then the bit was cleared before this. */
static void correct(const struct maps *m, uint32_t slot)
{
	free_slots_take(m->free, slot, m->slots);
	if (!slot_in_use(__atomic_load_n(&m->sa[slot].generation, __ATOMIC_SEQ_CST)))
		free_slots_give(m->free, slot);
}

/* By what free_slots says. Slots given back in one go are next to each other, and free all at once: of those that are
 * not, more and more are passed over. */
static bool claim_told(const struct maps *m, uint32_t from, uint32_t *slot)
{
	uint32_t at = from, pass = 1, tries = 0;

	while (tries < TRIES_MAX && (at = free_slots_next(m->free, at, m->slots)) != SLOT_NONE) {
		const enum tried tried = try_claim(m, at);

		*slot = at;
		if (tried == CLAIMED)
			return true;
		if (tried == IN_USE) {
			correct(m, at++);
			continue;
		}
		at += pass;
		pass += ++tries < TRIES_ONE_BY_ONE ? 0 : pass;
	}
	return false;
}

/* What it does not say, because somebody was killed: a few slots each time, so that a table that is full costs little,
 * and what is hidden in it is found nevertheless. */
static bool claim_hidden(const struct maps *m, uint32_t *slot)
{
	static uint32_t next;
	const uint32_t from = __atomic_fetch_add(&next, HIDDEN_AT_ONCE, __ATOMIC_RELAXED);

	for (uint32_t i = 0; i < HIDDEN_AT_ONCE && i < m->slots; i++) {
		*slot = (from + i) % m->slots;
		if (try_claim(m, *slot) == CLAIMED)
			return true;
	}
	return false;
}

int slot_claim(const struct maps *m, uint32_t hint, uint32_t *slot)
{
	const uint32_t from = hint % m->slots;

	if (!claim_told(m, from, slot) && !(from && claim_told(m, 0, slot)) && !claim_hidden(m, slot))
		return -ENOSPC;
	free_slots_take(m->free, *slot, m->slots);
	clear_slot(&m->sa[*slot], &m->bitmaps[*slot]);
	return 0;
}

void slots_mend(const struct maps *m)
{
	for (uint32_t slot = 0; slot < m->slots; slot++)
		if (!slot_in_use(slot_generation(m->sa, slot)))
			free_slots_give(m->free, slot);
}

void slot_release(const struct maps *m, uint32_t slot, uint32_t generation)
{
	struct sa_state *sa = &m->sa[slot];
	const uint32_t free = generation + 1;

	if (!slot_in_use(generation) ||
	    !__atomic_compare_exchange_n(&sa->generation, &generation, free, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return;
	number(m, slot, free);
	free_slots_give(m->free, slot);
}

bool slot_is_over(const struct maps *m, uint32_t slot, uint32_t generation)
{
	const uint32_t now = slot_generation(m->sa, slot);

	if (now == generation)
		return false;
	/* Claimed again since: then it was over. */
	return now != generation + 1 || is_out_of_use(m, slot, now);
}

bool slot_read(const struct maps *m, uint32_t slot, struct sa_state *sa)
{
	const uint32_t generation = slot_generation(m->sa, slot);

	if (!slot_in_use(generation))
		return false;
	*sa = m->sa[slot];
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return slot_generation(m->sa, slot) == generation && sa->spi != 0 &&
	       (sa->direction == SA_OUTBOUND || sa->replay_window != 0);
}
