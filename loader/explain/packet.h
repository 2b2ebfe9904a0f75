/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef LOADER_EXPLAIN_PACKET_H
#define LOADER_EXPLAIN_PACKET_H

#include <stdbool.h>
#include <stdint.h>

/* A packet: ports are 0 where the protocol has none, and type << 8 | code both of ICMP. */
struct datapath_packet {
	uint8_t src[4];
	uint8_t dst[4];
	uint8_t proto;
	uint16_t sport;
	uint16_t dport;
	bool group;   /* multicast or a broadcast, and so its Ethernet address is */
	uint32_t spi; /* of ESP, with its sequence number */
	uint32_t seq;
};

#endif
