/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What fits on the way of an SA, and telling the host that a packet does not, with ESP around it (RFC 4301 section 8.2,
 * RFC 1191).
 */
#ifndef WORKER_PATH_MTU_H
#define WORKER_PATH_MTU_H

#include "port.h"
#include "segment.h"

/* Bytes of the largest IP packet that may carry ESP of the SA: the NIC's MTU, or what a router said of the path. */
static inline size_t path_mtu_of(const struct port_state *p, const struct sa_state *sa, uint64_t now)
{
	union {
		uint64_t word;
		struct path_mtu m;
	} told = {.word = __atomic_load_n((const uint64_t *)&sa->path_mtu, __ATOMIC_RELAXED)};
	size_t mtu = port_mtu(p);

	if (told.m.mtu && told.m.mtu < mtu && told.m.until_s * UINT64_C(1000000000) > now)
		return told.m.mtu;
	return mtu;
}

/*
 * Answers a packet of the host that bears DF with ICMP "fragmentation needed",
 * from the packet's destination; mtu is what does fit (IP packet, bytes). Without
 * DF there is nothing to say.
 */
void path_mtu_tell_host(struct port_state *p, const struct segmenter *s, size_t mtu);

#endif
