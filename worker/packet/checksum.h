/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The Internet checksum (RFC 1071).
 *
 * A checksum here is a number in memory order: csum_fold's result is stored as it is, by memcpy or through a __be16,
 * and never swapped. The sums are of words as they lie in memory, and RFC 1071 section 2 (B) shows that those give the
 * right bytes on either kind of machine. Lengths are bytes.
 */
#ifndef WORKER_PACKET_CHECKSUM_H
#define WORKER_PACKET_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/*
 * Adds len bytes of data, at any alignment, to sum, which is 0 for the first piece. The result is good for two things:
 * another csum_partial, and a fold. A piece is at most 64 KiB. Of several pieces only the last may have an odd length,
 * because an odd last byte is padded with zero.
 */
uint64_t csum_partial(const void *data, size_t len, uint64_t sum);

/* Folds a sum to 16 bits, not complemented. */
static inline uint16_t csum_fold_sum(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + ((sum >> 16) & 0xffff) + (sum >> 32);
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

/* Folds and complements a sum: the checksum itself. Over data that contains a right checksum the result is 0. */
static inline uint16_t csum_fold(uint64_t sum)
{
	return (uint16_t)~csum_fold_sum(sum);
}

/*
 * The checksum of an IPv4 header of len bytes (20 ... 60, a multiple of 4; RFC 791 section 3.1). To verify: 0 if the
 * header's checksum field is right. To make: with that field zeroed, the result is what belongs there.
 */
uint16_t csum_ipv4_header(const void *header, size_t len);

/* The sum of the IPv4 pseudo header (RFC 9293 section 3.1, RFC 768), for csum_partial to go on from. len: the length of
 * the L4 header and payload. */
uint64_t csum_pseudo(const uint8_t src[4], const uint8_t dst[4], uint8_t proto, size_t len);

/*
 * The checksum of len bytes of TCP or UDP together with their pseudo header. To verify: 0 if the checksum field is
 * right. To make: with that field zeroed, the result is what belongs there. A UDP field of 0 means that there is no
 * checksum (RFC 768): who makes one sends 0xffff in place of 0, who verifies looks for 0 first.
 */
uint16_t csum_l4(const uint8_t src[4], const uint8_t dst[4], uint8_t proto, const void *l4, size_t len);

#endif
