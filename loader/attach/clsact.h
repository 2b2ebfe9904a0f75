/* SPDX-License-Identifier: BSD-2-Clause */
/* tc programs on kernels without tcx (before 6.6): one filter of ours on the clsact qdisc, made and removed with it. */
#ifndef LOADER_ATTACH_CLSACT_H
#define LOADER_ATTACH_CLSACT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/fault.h"

/* The filters of one direction. */
struct clsact_view {
	uint32_t handle;   /* ours; 0: there is none */
	uint32_t program;  /* of ours, the id */
	bool first;	   /* ours is */
	uint32_t in_front; /* of the first, where it is not ours, the program's id; 0: it has none */
	unsigned others;
};

/* Looks at them; no qdisc is no filters. 0 or -errno. */
int clsact_look(int ifindex, bool egress, struct clsact_view *view);

/* Attaches, or replaces our filter without a gap, in front of all others. 0 or -errno. */
int clsact_put(int ifindex, bool egress, int prog, struct fault *f);

/* Removes our filter if it runs the program of that id, and the qdisc if it is then empty. */
void clsact_remove(int ifindex, bool egress, unsigned prog_id);

#endif
