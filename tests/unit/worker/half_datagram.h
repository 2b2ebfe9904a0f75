/* SPDX-License-Identifier: BSD-2-Clause */
/* A datagram of which one fragment has come to a queue. */
#ifndef TESTS_UNIT_HALF_DATAGRAM_H
#define TESTS_UNIT_HALF_DATAGRAM_H

#include "lanes.h"
#include "packets.h"

/* A fragment of ESP, 64 bytes, of which no other comes. bits: IP_MF, or where in its datagram it is. */
static inline void begin_datagram(struct queue *q, uint16_t bits)
{
	struct fragments_in *in = q->port.fragments;
	uint8_t frame[ETH_LEN + IP_LEN_MIN + 64] = {0};
	struct ip_fragment f = {.frame = frame, .l2 = ETH_LEN, .slot = 7, .generation = 1};
	struct reassembled whole;

	make_ip(frame, PROTO_ESP, 64, 1);
	store_be16(frame + ETH_LEN + IP_FRAG, bits);
	assert_true(ip_parse(&f.ip, frame + ETH_LEN, IP_LEN_MIN + 64));
	assert_false(reassembly_add(&in->reassembler, &f, maps_now(), in->whole, &whole));
}

#endif
