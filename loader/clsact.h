/* SPDX-License-Identifier: BSD-2-Clause */
/* tc programs on kernels without tcx (before 6.6): one filter of ours on the clsact qdisc, made and removed with it. */
#ifndef LOADER_CLSACT_H
#define LOADER_CLSACT_H

#include <stdbool.h>

#include "fault.h"

/* Attaches, or replaces our filter at once. 0 or -errno. */
int clsact_put(int ifindex, bool egress, int prog, struct fault *f);

/* Removes our filter if it runs the program of that id, and the qdisc if it is then empty. */
void clsact_remove(int ifindex, bool egress, unsigned prog_id);

#endif
