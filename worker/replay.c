/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay.h"

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

/* Other lanes look while one marks. */
static void mark(struct replay_bitmap *bitmap, uint64_t seq)
{
	__u64 *word = word_of(bitmap, seq);

	__atomic_store_n(word, *word | bit_of(seq), __ATOMIC_RELAXED);
}

bool replay_check(const struct sa_state *sa, const struct replay_bitmap *bitmap, uint64_t seq)
{
	const uint64_t top = __atomic_load_n(&sa->seq, __ATOMIC_RELAXED);

	if (seq > top)
		return true;
	return seq != 0 && top - seq < sa->replay_window &&
	       !(__atomic_load_n(&bitmap->words[seq / WORD_BITS % REPLAY_WORDS], __ATOMIC_RELAXED) & bit_of(seq));
}

static void publish_top(struct sa_state *sa, uint64_t seq)
{
	/* Against the compiler: a killed process leaves its stores in program order. */
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	__atomic_store_n(&sa->seq, seq, __ATOMIC_RELAXED);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static void clear_words(struct replay_bitmap *bitmap, uint64_t last, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		__atomic_store_n(&bitmap->words[(last - i) % REPLAY_WORDS], 0, __ATOMIC_RELAXED);
}

/*
 * The worker may be killed between any two stores here. seq itself has not been
 * accepted yet, so nothing depends on its bit; what must hold at each step is that
 * every number accepted before is either marked or behind the window.
 *
 * A step of up to AHEAD_WORDS clears words of which the old window needs none,
 * and then moves the top. A longer one clears words that the old window needs and
 * the new one does not, so it moves the top first: until they are cleared, stale
 * bits may refuse a packet, which is loss, but never let one in again.
 */
static void advance(struct sa_state *sa, struct replay_bitmap *bitmap, uint64_t seq)
{
	const uint64_t to = seq / WORD_BITS, step = to - sa->seq / WORD_BITS;

	if (step > AHEAD_WORDS)
		publish_top(sa, seq);
	clear_words(bitmap, to, step < REPLAY_WORDS ? step : REPLAY_WORDS);
	mark(bitmap, seq);
	publish_top(sa, seq);
}

bool replay_update(struct sa_state *sa, struct replay_bitmap *bitmap, uint64_t seq)
{
	if (!replay_check(sa, bitmap, seq))
		return false;
	if (seq > sa->seq)
		advance(sa, bitmap, seq);
	else
		mark(bitmap, seq);
	return true;
}
