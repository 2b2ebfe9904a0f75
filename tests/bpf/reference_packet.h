/* SPDX-License-Identifier: BSD-2-Clause */
/* A frame, read by offsets in bytes, for reference.c. Addresses and ports are numbers in host order. */
#ifndef TESTS_BPF_REFERENCE_PACKET_H
#define TESTS_BPF_REFERENCE_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ICMP = 1, TCP = 6, UDP = 17, DCCP = 33, GRE = 47, ESP = 50, SCTP = 132, UDPLITE = 136 };

enum form { FORM_OTHER, FORM_TOO_MANY_TAGS, FORM_CUT, FORM_WRONG, FORM_GOOD };

struct ref_packet {
	enum form form;
	uint32_t src, dst;
	uint16_t id;
	uint8_t proto;
	bool fragment, later;
	const uint8_t *l4;
	size_t l4_size;
	bool has_ports, ports_seen;
	uint16_t sport, dport;
};

uint16_t ref_u16(const uint8_t *at);
uint32_t ref_u32(const uint8_t *at);

/* What it points to is in the frame. */
struct ref_packet ref_read_frame(const uint8_t *frame, size_t size);

/* Whether it tells of an error (RFC 792). */
bool ref_is_error(const struct ref_packet *p);

/* What an error is about: an IP header and what follows. False: none of it is there. */
bool ref_read_quote(const struct ref_packet *p, struct ref_packet *quoted);

#endif
