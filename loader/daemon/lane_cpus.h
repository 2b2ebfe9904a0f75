/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the worker's lanes run, from /proc. */
#ifndef LOADER_DAEMON_LANE_CPUS_H
#define LOADER_DAEMON_LANE_CPUS_H

#include <sys/types.h>

/* For each of the process's lanes, by their number, the CPU that its thread has run on last; -1: not known. */
void lane_cpus(pid_t worker, int *cpus, unsigned lanes);

#endif
