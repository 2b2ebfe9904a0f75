/* SPDX-License-Identifier: BSD-2-Clause */
/* Packets for the BPF tests, built from what a test wants to say of them. */
#ifndef TESTS_BPF_FRAME_H
#define TESTS_BPF_FRAME_H

#include <stddef.h>
#include <stdint.h>

#define LOCAL	 "192.0.2.1"
#define REMOTE	 "192.0.2.2"
#define STRANGER "198.51.100.9"

#define MORE_FRAGMENTS 0x2000

struct frame {
	uint8_t data[6000];
	size_t len;
	size_t l3; /* offset of the IPv4 header */
	size_t l4;
};

/* What is 0 takes the default in brackets. */
struct spec {
	const char *src;   /* [REMOTE] */
	const char *dst;   /* [LOCAL] */
	int tags;	   /* 802.1Q; of two the outer is 802.1ad */
	int options;	   /* bytes, a multiple of 4 */
	uint16_t frag_off; /* flags and offset, host order */
	uint16_t id;
	uint8_t proto; /* [UDP] */
	uint16_t sport;
	uint16_t dport;
	uint32_t spi; /* of ESP, in place of the ports */
	uint32_t seq;
	size_t payload; /* bytes after the IPv4 header [40] */
};

struct frame frame_of(const struct spec *spec);
#define FRAME(...) frame_of(&(struct spec){__VA_ARGS__})

/* The same packet the other way: from LOCAL to REMOTE. */
#define FRAME_OUT(...) FRAME(.src = LOCAL, .dst = REMOTE, __VA_ARGS__)

/* Completes the frame to Ethernet's 60 bytes, beyond the packet's total length. */
void frame_pad(struct frame *f);

#endif
