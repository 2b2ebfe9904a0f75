/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "cpus.h"

#include <errno.h>
#include <sys/sysinfo.h>

#include "lib/cpu_list.h"

void check_cpus(struct report *r, const char *cpus)
{
	const int count = get_nprocs_conf();
	cpu_set_t set;
	struct fault f;

	if (!*cpus || cpu_list_parse(cpus, &set, &f))
		return;
	for (int cpu = count; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &set))
			continue;
		fault(&f, ERANGE,
		      "cpus = %s: there is no CPU %d here, and the worker could not start: this host has 0 to %d", cpus,
		      cpu, count - 1);
		report_say(r, LEVEL_FAIL, "cpus", f.text, NULL);
		return;
	}
}
