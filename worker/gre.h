/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Out of GRE (RFC 2784) that an SA with SA_GRE carried: the host's multicast and broadcast. Into GRE they are put by
 * BPF (bpf/gre.h), which also says who may say what; here is what a packet must look like.
 *
 *   |C|       Reserved0       | Ver |         Protocol Type         |     0 but for IPv4's 0x0800
 *   |                        an IPv4 packet                         |
 */
#ifndef WORKER_GRE_H
#define WORKER_GRE_H

#include "maps/layout.h"
#include "packet.h"

#define GRE_LEN 4

/* An opened packet whose payload is GRE, and after gre_take_out what was in that. */
struct gre_packet {
	uint8_t *frame; /* Ethernet header */
	size_t l2;	/* its length */
	struct ip_view ip;
};

/*
 * Takes the IPv4 packet in the len bytes of GRE at `gre` out: p becomes a frame of its own, with the Ethernet header
 * moved up to it, GRE_TAG_ETHERTYPE and the tag. p->ip is that of the packet outside. False: it is not what it must be,
 * and the frame is as it was.
 */
bool gre_take_out(struct gre_packet *p, uint8_t *gre, size_t len, const struct tx_tag *tag);

#endif
