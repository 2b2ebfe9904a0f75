/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The programs on a NIC's hooks, each pinned (hook_pins.h). What is pinned stays attached whoever dies, and is replaced
 * without a gap.
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
 * Takes over what an earlier run has left on this very NIC: *mode is its XDP mode, or 0. Pins of a NIC that is gone are
 * taken away; pins of another NIC that had the name are put away (hooks_away.h). 0, or -errno when the difference
 * cannot be found out; then the pins stay.
 */
int hooks_take_over(const struct hook_place *at, enum port_mode *mode, struct fault *f);

/* Whether an instance, this one or another, guards the interface: the XDP program that runs there is its. */
bool hooks_owner(const struct hook_place *at, char owner[INSTANCE_MAX]);

/* Whether any instance has that program pinned for that hook of the interface. */
bool hooks_hold(const struct hook_place *at, enum hook_point point, uint32_t program);

/* Whether the kernel has tcx. */
bool hooks_have_tcx(void);

/* Whether an XDP program that is not ours is on the NIC. 0, or -EBUSY with whose it is, as of another instance. */
int hook_check_foreign(const struct hook_place *at, struct fault *f);

/* Puts a program on a hook and pins it, in place of ours if one is there. prog: descriptor, the caller's; *made: there
 * was none of ours before. 0 or -errno. */
int hook_put_xdp(const struct hook_place *at, int prog, enum port_mode mode, bool *made, struct fault *f);
int hook_put_tc(const struct hook_place *at, enum hook_point point, int prog, enum hook_kind kind, bool *made,
		struct fault *f);

/* Puts a tc program in front of all others on its hook, in place of ours wherever that stands. kind: how to attach it
 * where nothing is pinned. 0 or -errno. */
int hook_put_first(const struct hook_place *at, enum hook_point point, int prog, enum hook_kind kind, struct fault *f);

/* The id of the program that is pinned there; 0: none. */
uint32_t hook_program(const struct hook_place *at, enum hook_point point);

/* Puts a program on the ingress of a TAP, unpinned. *link: descriptor of the link, for the caller to keep open as long
 * as the TAP; -1 if the program is a clsact filter. 0 or -errno. */
int hook_put_tap(int tap_ifindex, int prog, enum hook_kind kind, int *link, struct fault *f);

/* Takes our program off a hook; none there is no error. */
void hook_remove(const struct hook_place *at, enum hook_point point);

/* Takes our programs off all hooks of the NIC. */
void hooks_remove_all(const struct hook_place *at);

/* Calls back with the name of each NIC that something is pinned for, once each. 0, or -errno if there may be more. */
int hooks_for_each_device(const char *dir, void (*fn)(const char *dev, void *arg), void *arg);

#endif
