/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "cpu_lane.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cpu_list.h"

_Static_assert(sizeof(struct cpu_lane) % 8 == 0, "the kernel takes a CPU's value in so many bytes");

/* How many of the set come before it. */
static unsigned place_in(const cpu_set_t *set, unsigned cpu)
{
	unsigned n = 0;

	for (unsigned i = 0; i < cpu; i++)
		n += CPU_ISSET(i, set) != 0;
	return n;
}

/* The worker gives its lanes to the CPUs of the list in turn (worker/main.c). */
unsigned cpu_lane_of(unsigned cpu, unsigned lanes, const char *list)
{
	cpu_set_t set;

	if (lanes < 2)
		return 0;
	if (list[0] && cpu_list_parse(list, &set, NULL) == 0 && cpu < CPU_SETSIZE && CPU_ISSET(cpu, &set))
		return 1 + place_in(&set, cpu) % lanes;
	return 1 + cpu % lanes;
}

int cpu_lane_tell(const struct maps *maps, unsigned lanes, const char *list, struct fault *f)
{
	const int cpus = libbpf_num_possible_cpus();
	const uint32_t only = 0;
	struct cpu_lane *values = cpus > 0 ? calloc((size_t)cpus, sizeof(*values)) : NULL;
	int err = 0;

	if (!values)
		return fault(f, ENOMEM, "map cpu_lane: %s", strerror(ENOMEM));
	for (int cpu = 0; cpu < cpus; cpu++)
		values[cpu] = (struct cpu_lane){cpu_lane_of((unsigned)cpu, lanes, list), lanes};
	if (bpf_map_update_elem(maps->cpu_lane, &only, values, BPF_ANY) < 0)
		err = fault(f, errno, "map cpu_lane: %s", strerror(errno));
	free(values);
	return err;
}
