/* SPDX-License-Identifier: BSD-2-Clause */
/* Which XDP program an interface runs, whoever has attached it. */
#ifndef LOADER_ATTACH_XDP_RUNNING_H
#define LOADER_ATTACH_XDP_RUNNING_H

#include <stdint.h>

#include "maps/layout.h"

struct xdp_running {
	uint32_t program;    /* id; 0: none */
	enum port_mode mode; /* 0: none, or by the hardware alone */
};

/* 0 or -errno. */
int xdp_running(int ifindex, struct xdp_running *out);

#endif
