/* SPDX-License-Identifier: BSD-2-Clause */
/* Sequence numbers (RFC 4303 section 2.2): leased on the way out, completed to 64 bits on the way in. */
#ifndef WORKER_SEQ_H
#define WORKER_SEQ_H

#include <stdbool.h>
#include <stdint.h>

#include "maps/layout.h"

/*
 * Leases n (at least 1) consecutive sequence numbers, *first and on, for packets
 * that carry that many bytes of payload in all, and counts both in sa->packets and
 * sa->bytes: the caller does not. The numbers are gone from sa->seq before any of
 * them is used, so a worker killed at any instant leaves a gap and never repeats
 * a nonce. Any number of threads and processes may lease from one SA.
 *
 * False, with nothing taken, and *why
 *   REASON_SEQ_OVERFLOW	the last would be past 2^32 - 1, or with ESN past 2^64 - 1
 *   REASON_LIFETIME_EXPIRED	hard_packets or hard_bytes would be passed
 */
bool seq_take(struct sa_state *sa, uint32_t n, uint64_t bytes, uint64_t *first, enum reason *why);

/*
 * The full number of an inbound packet whose header says low, when top is the
 * highest authenticated so far and window the size of the replay window (at
 * least 1): RFC 4303 appendix A2. Without ESN that is low itself. 0, which no
 * packet bears, if there is no such number.
 */
uint64_t seq_recover(uint64_t top, uint32_t low, uint32_t window, bool esn);

#endif
