/* SPDX-License-Identifier: BSD-2-Clause */
/* Sequence numbers (RFC 4303 section 2.2): leased on the way out, completed to 64 bits on the way in. */
#ifndef WORKER_ESP_SEQ_H
#define WORKER_ESP_SEQ_H

#include <stdbool.h>
#include <stdint.h>

#include "maps/esn.h"
#include "maps/layout.h"

/*
 * Leases n (at least 1) consecutive sequence numbers, *first and on, for packets that carry `bytes` bytes of payload in
 * all. A number is leased once: sa->seq has passed it before any packet is sealed with it, so a worker that is killed
 * leaves a gap and never repeats a nonce. Any number of threads and processes may lease from one SA. Packets and bytes
 * are counted in sa->packets and sa->bytes here, not by the caller.
 *
 * False, with nothing leased or counted, and *why:
 *
 *   REASON_SEQ_OVERFLOW      the last number would be past 2^32 - 1, with ESN 2^64 - 1 (RFC 4303 section 3.3.3)
 *   REASON_LIFETIME_EXPIRED  hard_packets or hard_bytes would be passed
 */
bool seq_take(struct sa_state *sa, uint32_t n, uint64_t bytes, uint64_t *first, enum reason *why);

/*
 * The 64-bit number of an inbound packet with `low` in its header: with ESN by RFC 4303 appendix A2 (maps/esn.h), else
 * low itself. top: the highest number authenticated so far; window: numbers in the replay window, at least 1. The
 * result is 0, a number that no packet has, if there is none.
 */
static inline uint64_t seq_recover(uint64_t top, uint32_t low, uint32_t window, bool esn)
{
	return esn ? esn_complete(top, low, window) : low;
}

#endif
