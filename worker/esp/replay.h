/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The replay window (RFC 4303 section 3.4.3) as a ring of words (RFC 6479): a number's bit keeps its place while the
 * window moves, and only whole words are cleared.
 *
 * A number that was accepted once is never accepted again, also not by the next worker after this one was killed: top
 * and bits are in the shared maps; ring is what replay_ring() gives for the window. sa->seq is the top, the highest
 * number authenticated so far; the window is the top and the numbers below it, `window` in all, which is what the SA
 * was loaded with: whoever writes the maps moves nobody out of the ring.
 *
 * replay_check: any thread at any time. replay_update: one at a time per SA (sa_lock.h).
 */
#ifndef WORKER_ESP_REPLAY_H
#define WORKER_ESP_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "maps/layout.h"
#include "packet/prefetch.h"

#define REPLAY_WORD_BITS 64

/* Where a number's word is: by one of two constants, which takes no division. */
static inline size_t replay_word(uint32_t window, uint64_t seq)
{
	return window <= REPLAY_NARROW ? seq / REPLAY_WORD_BITS % REPLAY_NARROW_WORDS
				       : seq / REPLAY_WORD_BITS % REPLAY_WIDE_WORDS;
}

static inline uint64_t replay_bit(uint64_t seq)
{
	return 1ULL << seq % REPLAY_WORD_BITS;
}

/* Whether seq may still be accepted: it is not 0, not behind the window, and not seen before. Changes nothing. */
static inline bool replay_check(const struct sa_state *sa, const __u64 *ring, uint32_t window, uint64_t seq)
{
	const uint64_t top = __atomic_load_n(&sa->seq, __ATOMIC_ACQUIRE);

	if (seq > top)
		return true;
	return seq != 0 && top - seq < window &&
	       !(__atomic_load_n(&ring[replay_word(window, seq)], __ATOMIC_RELAXED) & replay_bit(seq));
}

/* Asks for the word that replay_update writes, ahead of it: of many SAs' most are not in the CPU's cache. */
static inline void replay_prefetch(const __u64 *ring, uint32_t window, uint64_t seq)
{
	prefetch_line_to_write(&ring[replay_word(window, seq)]);
}

/* For replay_update: marks seq, and moves the window up to it, into another word. */
void replay_advance(struct sa_state *sa, __u64 *ring, uint32_t window, uint64_t seq);

/* For replay_update. Other lanes look while one marks. */
static inline void replay_mark(__u64 *ring, uint32_t window, uint64_t seq)
{
	__u64 *word = &ring[replay_word(window, seq)];

	__atomic_store_n(word, *word | replay_bit(seq), __ATOMIC_RELAXED);
}

/* For replay_update. The fences are against the compiler: a killed process leaves its stores in program order. Other
 * lanes are not shown a top before the words that were cleared for it: stale bits would refuse what is new. */
static inline void replay_publish_top(struct sa_state *sa, uint64_t seq)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	__atomic_store_n(&sa->seq, seq, __ATOMIC_RELEASE);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/*
 * Accepts seq: marks the number as seen, and moves the window up to it. Called when the packet is authenticated, and
 * before it is handed on. False: the number must not be accepted, because it was since replay_check, as of a duplicate
 * in the same batch.
 */
static inline bool replay_update(struct sa_state *sa, __u64 *ring, uint32_t window, uint64_t seq)
{
	if (!replay_check(sa, ring, window, seq))
		return false;
	if (seq > sa->seq && seq / REPLAY_WORD_BITS != sa->seq / REPLAY_WORD_BITS) {
		replay_advance(sa, ring, window, seq);
		return true;
	}
	replay_mark(ring, window, seq);
	if (seq > sa->seq)
		replay_publish_top(sa, seq);
	return true;
}

#endif
