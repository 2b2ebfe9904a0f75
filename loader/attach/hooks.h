/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the programs hang on a NIC, each pinned as links/DEV-POINT: a bpf_link,
 * or for clsact, which has no links, the program itself. What is pinned stays
 * attached whoever dies, and is replaced without a gap.
 */
#ifndef LOADER_ATTACH_HOOKS_H
#define LOADER_ATTACH_HOOKS_H

#include "hook_place.h"
#include "lib/bpffs.h"
#include "lib/fault.h"
#include "maps/layout.h"

/* Whether anything is pinned for the NIC. */
bool hooks_any(const struct hook_place *at);

/*
 * *mode: the XDP mode that an earlier run left on this very NIC, or 0. Pins of a NIC that is gone are taken away, those
 * of another that had the name are put away (hooks_away.h). 0, or -errno when that cannot be found out, and then they
 * stay.
 */
int hooks_take_over(const struct hook_place *at, enum port_mode *mode, struct fault *f);

/* Whether an instance, this one or another, guards the interface: the XDP program that runs there is its. */
bool hooks_owner(const struct hook_place *at, char owner[INSTANCE_MAX]);

/* Whether the kernel has tcx. */
bool hooks_have_tcx(void);

/* -EBUSY with who it is, another instance or not, if an XDP program that is not ours is on the NIC. */
int hook_check_foreign(const struct hook_place *at, struct fault *f);

/* Puts the program there, in place of ours if one is there. *made: there was none. 0 or -errno. */
int hook_put_xdp(const struct hook_place *at, int prog, enum port_mode mode, bool *made, struct fault *f);
int hook_put_tc(const struct hook_place *at, enum hook_point point, int prog, enum hook_kind kind, bool *made,
		struct fault *f);

/* Puts a tc program in front of all others, in place of ours wherever that is; kind: where nothing is pinned. 0 or
 * -errno. */
int hook_put_first(const struct hook_place *at, enum hook_point point, int prog, enum hook_kind kind, struct fault *f);

/* The id of the program that is pinned there; 0: none. */
uint32_t hook_program(const struct hook_place *at, enum hook_point point);

/* Attaches to the ingress of a TAP, unpinned. The link's fd, to be kept as long as the TAP; -1 if clsact holds it. */
int hook_put_tap(int tap_ifindex, int prog, enum hook_kind kind, int *link, struct fault *f);

/* Takes away what is pinned there; nothing pinned is no error. */
void hook_remove(const struct hook_place *at, enum hook_point point);

/* All of them. */
void hooks_remove_all(const struct hook_place *at);

/* Calls back with the name of each NIC that something is pinned for, once each. 0, or -errno if there may be more. */
int hooks_for_each_device(const char *dir, void (*fn)(const char *dev, void *arg), void *arg);

#endif
