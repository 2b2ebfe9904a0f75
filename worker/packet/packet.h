/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Offsets, lengths and bits of Ethernet, IPv4, TCP and UDP headers, in bytes. Nothing in a frame is aligned, so a field
 * is read and written at its offset by bytes.h's functions, and never through a struct.
 */
#ifndef WORKER_PACKET_PACKET_H
#define WORKER_PACKET_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "lib/bytes.h"
#include "checksum.h"

enum {
	ETH_SRC = 6,
	ETH_TYPE = 12,
	ETH_LEN = 14,
	ETH_IPV4 = 0x0800,
	VLAN_LEN = 4,
	ETH_LEN_MAX = ETH_LEN + 2 * VLAN_LEN,

	/* RFC 791 */
	IP_TOS = 1,
	IP_TOTAL_LEN = 2,
	IP_ID = 4,
	IP_FRAG = 6,
	IP_TTL = 8,
	IP_PROTO = 9,
	IP_CHECK = 10,
	IP_SRC = 12,
	IP_DST = 16,
	IP_ECN = 0x03, /* in TOS: RFC 3168 section 5 */
	IP_ECN_CE = 0x03,
	IP_LEN_MIN = 20,
	IP_LEN_MAX = 60,
	IP_MTU_MIN = 68, /* the longest header, and 8 bytes: every path takes that */
	IP_DF = 0x4000,
	IP_MF = 0x2000,
	IP_OFFSET = 0x1fff, /* in units of 8 bytes */
	IP_MF_OR_OFFSET = IP_MF | IP_OFFSET,

	/* RFC 9293 */
	TCP_SEQ = 4,
	TCP_ACK = 8,
	TCP_DATA_OFFSET = 12,
	TCP_FLAGS = 13,
	TCP_WINDOW = 14,
	TCP_CHECK = 16,
	TCP_LEN_MIN = 20,
	TCP_LEN_MAX = 60,
	TCP_FIN = 0x01,
	TCP_SYN = 0x02,
	TCP_PSH = 0x08,
	TCP_ACK_FLAG = 0x10,
	TCP_CWR = 0x80,

	/* RFC 768 */
	UDP_LENGTH = 4,
	UDP_CHECK = 6,
	UDP_LEN = 8,

	PROTO_ICMP = 1,
	PROTO_TCP = 6,
	PROTO_UDP = 17,
	PROTO_GRE = 47,
	PROTO_ESP = 50,
};

/* An IPv4 packet inside a frame, whose lengths have been checked: header <= total <= what the frame has of it. */
struct ip_view {
	uint8_t *ip;   /* where the IP header begins */
	size_t header; /* bytes of the IP header */
	size_t total;  /* bytes of the packet, the header included */
};

/* Fills v from the room bytes at ip. False: they do not begin with a whole IPv4 packet. The checksum is not looked at.
 */
static inline bool ip_parse(struct ip_view *v, uint8_t *ip, size_t room)
{
	if (room < IP_LEN_MIN || ip[0] >> 4 != 4)
		return false;
	v->ip = ip;
	v->header = (size_t)(ip[0] & 15) * 4;
	v->total = load_be16(ip + IP_TOTAL_LEN);
	return v->header >= IP_LEN_MIN && v->header <= v->total && v->total <= room;
}

/* Whether the packet is a fragment, the first or a later one (RFC 791 section 3.1). */
static inline bool ip_is_fragment(const uint8_t *ip)
{
	return load_be16(ip + IP_FRAG) & IP_MF_OR_OFFSET;
}

/* Bytes of the Ethernet header with up to two 802.1Q or 802.1ad tags; 0 when the frame of len bytes is not IPv4. */
static inline size_t eth_ipv4_offset(const uint8_t *frame, size_t len)
{
	size_t at = ETH_TYPE;

	for (int tags = 0; tags < 3 && at + 2 <= len; tags++, at += VLAN_LEN) {
		uint16_t type = load_be16(frame + at);

		if (type == ETH_IPV4)
			return at + 2;
		if (type != 0x8100 && type != 0x88a8)
			return 0;
	}
	return 0;
}

/*
 * ip_finish for a header without options, in registers: a load of a word waits for the stores of a moment ago to fields
 * of that word.
 */
static inline void ip_finish_plain(uint8_t *ip, size_t total, uint8_t proto)
{
	uint32_t w[IP_LEN_MIN / 4];

	memcpy(w, ip, sizeof(w));
	w[0] = (w[0] & htobe32(0xffff0000)) | htobe32((uint32_t)total);
	w[2] = (w[2] & htobe32(0xff000000)) | htobe32((uint32_t)proto << 16);
	w[2] |= htobe32(be16toh(csum_fold((uint64_t)w[0] + w[1] + w[2] + w[3] + w[4])));
	memcpy(ip, &w[0], sizeof(w[0]));
	memcpy(ip + 8, &w[2], sizeof(w[2]));
}

/* Writes the fields of an IP header that change when a packet is put into ESP or taken out of it, and then the header's
 * checksum. header, total: bytes, as in struct ip_view. */
static inline void ip_finish(uint8_t *ip, size_t header, size_t total, uint8_t proto)
{
	uint16_t check;

	if (header == IP_LEN_MIN) {
		ip_finish_plain(ip, total, proto);
		return;
	}
	store_be16(ip + IP_TOTAL_LEN, (uint16_t)total);
	ip[IP_PROTO] = proto;
	store_be16(ip + IP_CHECK, 0);
	check = csum_ipv4_header(ip, header);
	memcpy(ip + IP_CHECK, &check, sizeof(check));
}

/* Whether the header's checksum is right. */
static inline bool ip_check_is_right(const uint8_t *ip, size_t header)
{
	uint32_t w[IP_LEN_MIN / 4];

	if (header != IP_LEN_MIN)
		return csum_ipv4_header(ip, header) == 0;
	memcpy(w, ip, sizeof(w));
	return csum_fold((uint64_t)w[0] + w[1] + w[2] + w[3] + w[4]) == 0;
}

/* Copies Ethernet and IP header of len bytes together; the two places may overlap. The usual length takes no call. */
static inline void headers_copy(uint8_t *to, const uint8_t *from, size_t len)
{
	uint8_t usual[ETH_LEN + IP_LEN_MIN];

	if (len == sizeof(usual)) {
		memcpy(usual, from, sizeof(usual));
		memcpy(to, usual, sizeof(usual));
	} else {
		memmove(to, from, len);
	}
}

#endif
