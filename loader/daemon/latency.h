/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `latency = low`: while packets pass, idle CPUs do not sleep so deeply that waking them takes long (Linux's PM QoS,
 * /dev/cpu_dma_latency). It costs power, so it ends when nothing has passed for a second.
 */
#ifndef LOADER_DAEMON_LATENCY_H
#define LOADER_DAEMON_LATENCY_H

#include <event2/event.h>
#include <stdbool.h>

#include "lib/fault.h"
#include "maps/maps.h"

struct latency {
	const struct maps *maps;
	struct event *look;
	uint64_t passed; /* packets, at the last look */
	unsigned idle;	 /* looks since then */
	int held;	 /* the device while CPUs are kept awake, or -1 */
};

/* Looks at the counters from now on. Where the device cannot be had, or this kernel has no cpuidle driver, the log says
 * so: what is protected stays so. */
void latency_start(struct latency *l, struct event_base *base, const struct maps *maps);

/* Lets the CPUs sleep. Safe on one that was not started. */
void latency_stop(struct latency *l);

#endif
