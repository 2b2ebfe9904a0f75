/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The Internet checksum (RFC 1071).
 *
 * Sums are of words as they lie in memory, which RFC 1071 section 2 (B) shows to
 * give the right bytes on either kind of machine: what csum_fold returns is
 * stored as it is, with memcpy or through a __be16.
 */
#ifndef WORKER_CHECKSUM_H
#define WORKER_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/*
 * Adds len bytes, at any alignment, to sum (0 to begin with). An odd last byte
 * is padded with zero, so of several pieces only the last may be odd. The result
 * is to be added to and folded, no more; a piece is at most 64 KiB.
 */
uint64_t csum_partial(const void *data, size_t len, uint64_t sum);

/* Folds a sum to 16 bits, not complemented. */
static inline uint16_t csum_fold_sum(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + ((sum >> 16) & 0xffff) + (sum >> 32);
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

/* Folds and complements: the checksum itself. 0 over data that contains a right checksum. */
static inline uint16_t csum_fold(uint64_t sum)
{
	return (uint16_t)~csum_fold_sum(sum);
}

/*
 * Of an IPv4 header of len bytes (20 ... 60, a multiple of 4). 0 if its checksum
 * field is right; with the field zeroed, what belongs there.
 */
uint16_t csum_ipv4_header(const void *header, size_t len);

/* The sum of the IPv4 pseudo header (RFC 9293 3.1, RFC 768), to be passed on to csum_partial. len: of L4, bytes. */
uint64_t csum_pseudo(const uint8_t src[4], const uint8_t dst[4], uint8_t proto, size_t len);

/*
 * Of len bytes of TCP or UDP with the pseudo header. 0 if the checksum field is
 * right; with the field zeroed, what belongs there (UDP: send 0xffff for 0, and
 * a received 0 is no checksum at all).
 */
uint16_t csum_l4(const uint8_t src[4], const uint8_t dst[4], uint8_t proto, const void *l4, size_t len);

#endif
