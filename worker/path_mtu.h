/* SPDX-License-Identifier: BSD-2-Clause */
/* Telling the host that a packet does not fit with ESP around it (RFC 4301 section 8.2, RFC 1191). */
#ifndef WORKER_PATH_MTU_H
#define WORKER_PATH_MTU_H

#include "port.h"

/* The largest IP packet that may go out by the SA, in bytes. */
static inline size_t path_mtu_of(const struct port_state *p, const struct esp_sa *sa)
{
	(void)sa;
	return p->shared->mtu;
}

/*
 * Answers a packet of the host that bears DF with ICMP "fragmentation needed",
 * from the packet's destination; mtu is what does fit (IP packet, bytes). Without
 * DF there is nothing to say.
 */
void path_mtu_tell_host(struct port_state *p, const struct segmenter *s, size_t mtu);

#endif
