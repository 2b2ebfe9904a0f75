/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The replay window (RFC 4303 section 3.4.3) as a ring of words (RFC 6479): a number's bit keeps its place while the
 * window moves, and only whole words are cleared.
 *
 * A number that was accepted once is never accepted again, also not by the next worker after this one was killed: top
 * and bits are in the shared maps. sa->seq is the top, the highest number authenticated so far; the window is the top
 * and the numbers below it, sa->replay_window in all.
 *
 * replay_check: any thread at any time. replay_update: one at a time per SA (sa_lock.h).
 */
#ifndef WORKER_REPLAY_H
#define WORKER_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "maps/layout.h"

/* Whether seq may still be accepted: it is not 0, not behind the window, and not seen before. Changes nothing. */
bool replay_check(const struct sa_state *sa, const struct replay_bitmap *bitmap, uint64_t seq);

/*
 * Accepts seq: marks the number as seen, and moves the window up to it. Called when the packet is authenticated, and
 * before it is handed on. False: the number must not be accepted, because it was since replay_check, as of a duplicate
 * in the same batch.
 */
bool replay_update(struct sa_state *sa, struct replay_bitmap *bitmap, uint64_t seq);

#endif
