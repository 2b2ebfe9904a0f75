/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The replay window (RFC 4303 section 3.4.3), as RFC 6479 has it: a ring of
 * words in which the bits stay where they are and only whole words are cleared.
 *
 * sa->seq is the top, the highest number authenticated; the window is the
 * sa->replay_window numbers up to it. Both live in the shared maps, so a worker
 * that is killed at any instant and restarted accepts nothing twice.
 *
 * One thread at a time per SA.
 */
#ifndef WORKER_REPLAY_H
#define WORKER_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "maps/layout.h"

/* Whether seq may still be taken: not 0, not behind the window, not seen. Changes nothing. */
bool replay_check(const struct sa_state *sa, const struct replay_bitmap *bitmap, uint64_t seq);

/*
 * Marks seq as seen and moves the window up to it. To be called once the packet
 * is authenticated, and before it is handed on. Checks again, and is false if the
 * number was taken since, as by a duplicate in the same batch.
 */
bool replay_update(struct sa_state *sa, struct replay_bitmap *bitmap, uint64_t seq);

#endif
