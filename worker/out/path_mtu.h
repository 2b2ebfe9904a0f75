/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The path MTU of an SA, and telling the host that one of its packets does not fit it with ESP around (RFC 4301
 * section 8.2, RFC 1191). MTUs are bytes of an IP packet.
 */
#ifndef WORKER_OUT_PATH_MTU_H
#define WORKER_OUT_PATH_MTU_H

#include "lane/port.h"
#include "packet/segment.h"

/* The largest IP packet that may carry ESP of the SA: the NIC's MTU, or less if a router has said so and its word still
 * counts (struct path_mtu). Others write that at any time, and less than a path may have is nobody's word. now:
 * CLOCK_BOOTTIME ns. */
static inline size_t path_mtu_of(const struct port_queue *p, const struct sa_state *sa, uint64_t now)
{
	union {
		uint64_t word;
		struct path_mtu m;
	} told = {.word = __atomic_load_n((const uint64_t *)&sa->path_mtu, __ATOMIC_RELAXED)};
	size_t mtu = port_mtu(p);

	if (told.m.mtu >= IP_MTU_MIN && told.m.mtu < mtu && told.m.until_s * UINT64_C(1000000000) > now)
		return told.m.mtu;
	return mtu;
}

/*
 * Answers a packet of the host with ICMP "fragmentation needed" (RFC 792, RFC 1191 section 4), which comes from the
 * packet's destination and names mtu as what fits. Does nothing when the packet lacks DF: then it may be cut.
 */
void path_mtu_tell_host(struct port_queue *p, const struct segmenter *s, size_t mtu);

#endif
