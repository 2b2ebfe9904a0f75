/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay.h"

/* Words that a window can touch: one more than it fills, as it may begin within one. */
#define WINDOW_WORDS (REPLAY_WINDOW_MAX / REPLAY_WORD_BITS + 1)
/* How many words past the top can be cleared without touching one that the window still needs. */
#define AHEAD_WORDS (REPLAY_WORDS - WINDOW_WORDS)
_Static_assert((REPLAY_WORDS & (REPLAY_WORDS - 1)) == 0, "a word's place is its number modulo the ring");
_Static_assert(AHEAD_WORDS >= 1, "RFC 6479: the ring has at least one word more than the window");

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
void replay_advance(struct sa_state *sa, struct replay_bitmap *bitmap, uint64_t seq)
{
	const uint64_t to = seq / REPLAY_WORD_BITS, step = to - sa->seq / REPLAY_WORD_BITS;

	if (step > AHEAD_WORDS)
		replay_publish_top(sa, seq);
	clear_words(bitmap, to, step < REPLAY_WORDS ? step : REPLAY_WORDS);
	replay_mark(bitmap, seq);
	replay_publish_top(sa, seq);
}
