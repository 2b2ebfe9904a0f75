/* SPDX-License-Identifier: BSD-2-Clause */
/* Which lane serves what a CPU sends (map cpu_lane), for connections with an SA for each lane. */
#ifndef LOADER_DAEMON_CPU_LANE_H
#define LOADER_DAEMON_CPU_LANE_H

#include "lib/fault.h"
#include "maps/maps.h"

/* 1 + the number of the lane for that CPU, of so many; 0: there is but one, or none. list: the CPUs that lanes are
 * pinned to, as [daemon] cpus has them, or ""; where they are, a CPU's own lane serves it. */
unsigned cpu_lane_of(unsigned cpu, unsigned lanes, const char *list);

/* Writes it for every CPU that there may be. 0 or -errno. */
int cpu_lane_tell(const struct maps *maps, unsigned lanes, const char *list, struct fault *f);

#endif
