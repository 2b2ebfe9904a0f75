/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay.h"

#include <string.h>

#define WORD_BITS 64
/* Words that a window can touch: one more than it fills, as it may begin within one. */
#define WINDOW_WORDS (REPLAY_WINDOW_MAX / WORD_BITS + 1)
/* How many words past the top can be cleared without touching one that the window still needs. */
#define AHEAD_WORDS (REPLAY_WORDS - WINDOW_WORDS)
_Static_assert((REPLAY_WORDS & (REPLAY_WORDS - 1)) == 0, "a word's place is its number modulo the ring");
_Static_assert(AHEAD_WORDS >= 1, "RFC 6479: the ring has at least one word more than the window");

static __u64 *word_of(struct replay_bitmap *bitmap, uint64_t seq)
{
	return &bitmap->words[seq / WORD_BITS % REPLAY_WORDS];
}

static uint64_t bit_of(uint64_t seq)
{
	return 1ULL << seq % WORD_BITS;
}

bool replay_check(const struct sa_state *sa, const struct replay_bitmap *bitmap, uint64_t seq)
{
	const uint64_t top = __atomic_load_n(&sa->seq, __ATOMIC_RELAXED);

	if (seq > top)
		return true;
	return seq != 0 && top - seq < sa->replay_window &&
	       !(bitmap->words[seq / WORD_BITS % REPLAY_WORDS] & bit_of(seq));
}

static void publish_top(struct sa_state *sa, uint64_t seq)
{
	/* Against the compiler: a killed process leaves its stores in program order. */
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	__atomic_store_n(&sa->seq, seq, __ATOMIC_RELAXED);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/*
 * The worker may be killed between any two stores here. seq itself has not been
 * accepted yet, so nothing depends on its bit; what must hold at each step is that
 * every number accepted before is either marked or behind the window.
 *
 * A step of up to AHEAD_WORDS clears words of which the old window needs none,
 * and then moves the top. A longer one would clear bits that the old top still
 * needs, so it moves the top first: until the ring is cleared, stale bits may
 * refuse a packet, which is loss, but never let one in again.
 */
static void advance(struct sa_state *sa, struct replay_bitmap *bitmap, uint64_t seq)
{
	const uint64_t from = sa->seq / WORD_BITS, to = seq / WORD_BITS;

	if (to - from <= AHEAD_WORDS) {
		for (uint64_t word = from + 1; word <= to; word++)
			bitmap->words[word % REPLAY_WORDS] = 0;
		*word_of(bitmap, seq) |= bit_of(seq);
		publish_top(sa, seq);
	} else {
		publish_top(sa, seq);
		memset(bitmap, 0, sizeof(*bitmap));
		*word_of(bitmap, seq) |= bit_of(seq);
	}
}

bool replay_update(struct sa_state *sa, struct replay_bitmap *bitmap, uint64_t seq)
{
	if (!replay_check(sa, bitmap, seq))
		return false;
	if (seq > sa->seq)
		advance(sa, bitmap, seq);
	else
		*word_of(bitmap, seq) |= bit_of(seq);
	return true;
}
