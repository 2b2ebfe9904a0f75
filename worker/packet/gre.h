/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Taking a peer's multicast and broadcast out of GRE (RFC 2784), which an SA with SA_GRE has carried. BPF puts this
 * host's own into GRE, and decides from whom which packet is admitted (bpf/gre.h); here is only looked at the format.
 *
 *   |C|       Reserved0       | Ver |         Protocol Type         |     all 0 but for the type, 0x0800 (IPv4)
 *   |                        an IPv4 packet                         |
 */
#ifndef WORKER_PACKET_GRE_H
#define WORKER_PACKET_GRE_H

#include "maps/layout.h"
#include "packet.h"

#define GRE_LEN 4

/* Before gre_take_out: an opened packet whose payload is GRE. After it: the packet that was in the GRE. */
struct gre_packet {
	uint8_t *frame; /* where the Ethernet header begins */
	size_t l2;	/* bytes of the Ethernet header */
	struct ip_view ip;
};

/*
 * Takes the inner IPv4 packet out of the len bytes of GRE at `gre`, in place. p goes in as the outer packet, and comes
 * out as the inner one: its Ethernet header has moved up to the inner IP header, has GRE_TAG_ETHERTYPE as its type, and
 * the tag as its destination address. Congestion that the outer header tells of is told by the inner one (RFC 6040).
 * False: the GRE or the packet in it is not well-formed, has one tag too many, or cannot tell of congestion; p and the
 * Ethernet header are as they were.
 */
bool gre_take_out(struct gre_packet *p, uint8_t *gre, size_t len, const struct tx_tag *tag);

#endif
