/* SPDX-License-Identifier: BSD-2-Clause */
/* What udp_send and udp_recv agree on. */
#ifndef BENCH_UDP_FLOW_H
#define BENCH_UDP_FLOW_H

#include <stdint.h>
#include <time.h>

/* Each datagram begins with its number (host order: both ends are on one machine), from 0. */
#define SEQ_SIZE    sizeof(uint64_t)
#define PAYLOAD_MAX 1472

static inline uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

#endif
