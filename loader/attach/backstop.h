/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The second wall (bpf/backstop.bpf.c): pinned netfilter links of this network namespace, which drop what policies
 * protect or discard on every interface that no gate of ours guards. Kernels before 6.6 have none: programs of netfilter came
 * with 6.4, and what this one reads of devices with tcx.
 */
#ifndef LOADER_ATTACH_BACKSTOP_H
#define LOADER_ATTACH_BACKSTOP_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/fault.h"
#include "maps/config.bpf.h"

/*
 * Puts the backstop up over the maps that are pinned in maps_dir, made for so many slots, and pins its links in dir. A
 * backstop that an earlier run has left there goes when the new one is in force. 0, -ENOTSUP where the kernel has no
 * such programs, or -errno.
 */
int backstop_put(const char *dir, const char *maps_dir, uint32_t slots, const struct prog_config *cfg, struct fault *f);

/* Takes the backstop in dir down. None there is no error. */
void backstop_remove(const char *dir);

/* Its links, held open, so that they outlive their pins. Zeroed: none. */
#define BACKSTOP_WALLS 5
struct backstop_held {
	int fd[BACKSTOP_WALLS];
};

/* Holds those that are pinned in dir, in place of what was held before. */
void backstop_hold(struct backstop_held *held, const char *dir);
void backstop_let_go(struct backstop_held *held);
bool backstop_is_held(const struct backstop_held *held);

/* Whether a backstop is pinned in dir. */
bool backstop_is_up(const char *dir);

/*
 * Whether it also drops what routes encapsulate. That of an earlier version does not, nor that of a kernel which takes
 * the program without that only.
 */
bool backstop_sees_routes(const char *dir);
#define BACKSTOP_BLIND \
	"what routes encapsulate ('ip route ... encap') is not looked at, and leaves IN CLEAR; nor is " \
	"NAT, nor, while no daemon runs, what a bridge stands on"

/* Whether this kernel would take the backstop: loads it and lets it go. 0 or -errno. */
int backstop_try(struct fault *f);

#endif
