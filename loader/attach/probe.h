/* SPDX-License-Identifier: BSD-2-Clause */
/* What this kernel and this machine can do, found out without changing anything, for 'check'. */
#ifndef LOADER_ATTACH_PROBE_H
#define LOADER_ATTACH_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/fault.h"

/* One thing that is looked at. */
struct probe {
	const char *name;
	bool required;
	/* 0, or -errno with what is missing in f; on success f may say what was found. */
	int (*run)(struct fault *f);
};

/* All probes, in the order to show; ends with a NULL name. */
extern const struct probe probes[];

/* What a driver says of its XDP (Linux 6.3). */
enum xdp_support {
	XDP_SUPPORT_UNKNOWN,
	XDP_SUPPORT_NONE,
	XDP_SUPPORT_NATIVE,
	XDP_SUPPORT_ZERO_COPY,
};

enum xdp_support probe_xdp_support(int ifindex);

#endif
