/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The second wall (bpf/backstop.bpf.c): pinned netfilter links of this network namespace, which drop what policies
 * protect or discard on every interface that no gate of ours guards. Kernels before 6.4 have none.
 */
#ifndef LOADER_ATTACH_BACKSTOP_H
#define LOADER_ATTACH_BACKSTOP_H

#include <stdbool.h>

#include "lib/fault.h"
#include "maps/config.bpf.h"

/*
 * Puts it up, over the maps pinned in maps_dir and pinned itself in dir; in place of one that an earlier run left
 * there, which goes when the new one is in force. 0 or -errno: -ENOTSUP where the kernel cannot.
 */
int backstop_put(const char *dir, const char *maps_dir, const struct prog_config *cfg, struct fault *f);

/* Takes it down. Nothing there is no error. */
void backstop_remove(const char *dir);

/* Whether it is up. */
bool backstop_is_up(const char *dir);

/* Whether this kernel would take it: loads it and lets it go. 0 or -errno. */
int backstop_try(struct fault *f);

#endif
