/* SPDX-License-Identifier: BSD-2-Clause */
#include "clock_check.h"

#include <errno.h>
#include <stdio.h>

/* time_namespaces(7) */
#define OFFSETS "/proc/self/timens_offsets"

int clock_check(struct fault *f)
{
	FILE *offsets = fopen(OFFSETS, "re");
	long long seconds = 0, nanoseconds = 0;

	/* Without the file there are no such namespaces. */
	while (offsets && fscanf(offsets, "%*s %lld %lld", &seconds, &nanoseconds) == 2 && !seconds && !nanoseconds)
		;
	if (offsets)
		fclose(offsets);
	if (!seconds && !nanoseconds)
		return 0;
	return fault(f, EINVAL,
		     "this time namespace sets the clocks off by %lld s, which the kernel's BPF programs don't know, "
		     "so that "
		     "SAs would not end when they should: run it in that of the machine ('nsenter --time --target 1')",
		     seconds);
}
