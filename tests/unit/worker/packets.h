/* SPDX-License-Identifier: BSD-2-Clause */
/* Ethernet frames with IPv4 and TCP or UDP in them, for tests. All checksums are right. */
#ifndef TESTS_UNIT_PACKETS_H
#define TESTS_UNIT_PACKETS_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "packet/packet.h"

struct tcp_spec {
	uint16_t sport;
	uint16_t dport;
	uint32_t seq;
	uint32_t ack;
	uint8_t flags;
	uint8_t options; /* bytes, a multiple of 4 */
};

static const uint8_t test_src[4] = {192, 0, 2, 1}, test_dst[4] = {192, 0, 2, 2};

static inline void fill_payload(uint8_t *p, size_t n, uint32_t seed)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)((seed + i) * 167 + 13);
}

/* Ethernet and IPv4 header; returns where L4 begins. */
static inline uint8_t *make_ip(uint8_t *frame, uint8_t proto, size_t l4_len, uint16_t id)
{
	uint8_t *ip = frame + ETH_LEN;

	memset(frame, 0, ETH_LEN + IP_LEN_MIN);
	memset(frame, 2, 6);
	memset(frame + ETH_SRC, 4, 6);
	store_be16(frame + ETH_TYPE, 0x0800);
	ip[0] = 0x45;
	ip[IP_TTL] = 64;
	store_be16(ip + IP_ID, id);
	store_be16(ip + IP_FRAG, IP_DF);
	memcpy(ip + IP_SRC, test_src, 4);
	memcpy(ip + IP_DST, test_dst, 4);
	ip_finish(ip, IP_LEN_MIN, IP_LEN_MIN + l4_len, proto);
	return ip + IP_LEN_MIN;
}

static inline void finish_l4(uint8_t *frame, size_t field, size_t l4_len)
{
	uint8_t *ip = frame + ETH_LEN, *l4 = ip + IP_LEN_MIN;
	uint16_t check;

	memset(l4 + field, 0, 2);
	check = csum_l4(ip + IP_SRC, ip + IP_DST, ip[IP_PROTO], l4, l4_len);
	if (check == 0)
		check = 0xffff;
	memcpy(l4 + field, &check, 2);
}

/* The frame's length. */
static inline size_t make_tcp(uint8_t *frame, const struct tcp_spec *t, size_t payload, uint32_t seed, uint16_t id)
{
	size_t header = TCP_LEN_MIN + t->options, l4_len = header + payload;
	uint8_t *l4 = make_ip(frame, PROTO_TCP, l4_len, id);

	memset(l4, 0, header);
	memset(l4 + TCP_LEN_MIN, 1, t->options);
	store_be16(l4, t->sport);
	store_be16(l4 + 2, t->dport);
	store_be32(l4 + TCP_SEQ, t->seq);
	store_be32(l4 + TCP_ACK, t->ack);
	l4[TCP_DATA_OFFSET] = (uint8_t)(header / 4 << 4);
	l4[TCP_FLAGS] = t->flags;
	fill_payload(l4 + header, payload, seed);
	finish_l4(frame, TCP_CHECK, l4_len);
	return ETH_LEN + IP_LEN_MIN + l4_len;
}

static inline size_t make_udp(uint8_t *frame, uint16_t sport, uint16_t dport, size_t payload, uint32_t seed)
{
	uint8_t *l4 = make_ip(frame, PROTO_UDP, UDP_LEN + payload, 7);

	store_be16(l4, sport);
	store_be16(l4 + 2, dport);
	store_be16(l4 + UDP_LENGTH, (uint16_t)(UDP_LEN + payload));
	fill_payload(l4 + UDP_LEN, payload, seed);
	finish_l4(frame, UDP_CHECK, UDP_LEN + payload);
	return ETH_LEN + IP_LEN_MIN + UDP_LEN + payload;
}

/* Whether IP header and L4 checksum of a frame are right. */
static inline bool checksums_right(const uint8_t *frame)
{
	const uint8_t *ip = frame + ETH_LEN;
	size_t total = load_be16(ip + IP_TOTAL_LEN);

	return csum_ipv4_header(ip, IP_LEN_MIN) == 0 &&
	       csum_l4(ip + IP_SRC, ip + IP_DST, ip[IP_PROTO], ip + IP_LEN_MIN, total - IP_LEN_MIN) == 0;
}

#endif
