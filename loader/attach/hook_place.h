/* SPDX-License-Identifier: BSD-2-Clause */
/* Where programs hang: on which NIC, and at which of its hooks. */
#ifndef LOADER_ATTACH_HOOK_PLACE_H
#define LOADER_ATTACH_HOOK_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#include "config/interface_config.h"

/* Of Linux 6.6, which libbpf 1.1 does not know yet. */
#define ATTACH_TCX_INGRESS ((enum bpf_attach_type)46)
#define ATTACH_TCX_EGRESS  ((enum bpf_attach_type)47)
/* As many programs as a hook of tcx has room for. */
#define TCX_MAX 64

enum hook_point {
	HOOK_XDP,
	HOOK_EGRESS,
	HOOK_INGRESS,
};

struct hook_place {
	const char *dir; /* the instance's, in the bpffs */
	const char *dev;
	int ifindex;
	bool renew_xdp; /* make a new link also for the same mode: a veth keeps the MTU limit of a link's first program
			 */
};

#endif
