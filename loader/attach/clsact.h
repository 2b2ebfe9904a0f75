/* SPDX-License-Identifier: BSD-2-Clause */
/* tc programs on kernels without tcx (before 6.6): one filter of ours on the clsact qdisc, made and removed with it. */
#ifndef LOADER_ATTACH_CLSACT_H
#define LOADER_ATTACH_CLSACT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/fault.h"

/* The filters of one direction. */
struct clsact_view {
	uint32_t handle;   /* of our filter; 0: there is none */
	uint32_t program;  /* id of the program that our filter runs */
	bool first;	   /* our filter is the first */
	uint32_t in_front; /* id of the program of the first filter, where that is not ours; 0: that has no program */
	unsigned others;   /* filters that are not ours */
};

/* Looks at the filters of one direction; an interface without a clsact qdisc has none. 0 or -errno. */
int clsact_look(int ifindex, bool egress, struct clsact_view *view);

/* Puts our filter in front of all others, and the qdisc if there is none; a filter of ours that is there is replaced
 * without a gap. prog: descriptor, the caller's. 0 or -errno. */
int clsact_put(int ifindex, bool egress, int prog, struct fault *f);

/* Removes our filter if it runs the program of that id, and then the qdisc if that is empty. Whether it did. */
bool clsact_remove(int ifindex, bool egress, unsigned prog_id);

#endif
