/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay.h"

#include "maps/replay_memory.h"

/* Words that a window can touch: one more than it fills, as it may begin within one. */
#define WINDOW_WORDS(window) ((window) / REPLAY_WORD_BITS + 1)
_Static_assert(REPLAY_NARROW_WORDS > WINDOW_WORDS(REPLAY_NARROW) && REPLAY_WIDE_WORDS > WINDOW_WORDS(REPLAY_WINDOW_MAX),
	       "RFC 6479: the ring has at least one word more than the window");

/* How many words past the top can be cleared without touching one that the window still needs. */
static uint32_t ahead_words(uint32_t window)
{
	return replay_words(window) - WINDOW_WORDS(window <= REPLAY_NARROW ? REPLAY_NARROW : REPLAY_WINDOW_MAX);
}

static void clear_words(__u64 *ring, uint32_t window, uint64_t last, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		__atomic_store_n(&ring[replay_word(window, (last - i) * REPLAY_WORD_BITS)], 0, __ATOMIC_RELAXED);
}

/* To BPF, which takes nothing for old that is within the window of an earlier top. */
static void tell_seen(struct sa_state *sa, uint64_t seq)
{
	if (seq - __atomic_load_n(&sa->seen, __ATOMIC_RELAXED) >= SEEN_STEP)
		__atomic_store_n(&sa->seen, seq, __ATOMIC_RELAXED);
}

/*
 * The worker may be killed between any two stores here. seq itself has not been
 * accepted yet, so nothing depends on its bit; what must hold at each step is that
 * every number accepted before is either marked or behind the window.
 *
 * A step of up to ahead_words() clears words of which the old window needs none,
 * and then moves the top. A longer one clears words that the old window needs and
 * the new one does not, so it moves the top first: until they are cleared, stale
 * bits may refuse a packet, which is loss, but never let one in again.
 */
void replay_advance(struct sa_state *sa, __u64 *ring, uint32_t window, uint64_t seq)
{
	const uint64_t to = seq / REPLAY_WORD_BITS, step = to - sa->seq / REPLAY_WORD_BITS;

	if (step > ahead_words(window))
		replay_publish_top(sa, seq);
	clear_words(ring, window, to, step < replay_words(window) ? step : replay_words(window));
	replay_mark(ring, window, seq);
	replay_publish_top(sa, seq);
	tell_seen(sa, seq);
}
