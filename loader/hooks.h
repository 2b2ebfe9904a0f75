/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the programs hang on a NIC, each pinned as links/DEV-POINT: a bpf_link,
 * or for clsact, which has no links, the program itself. What is pinned stays
 * attached whoever dies, and is replaced without a gap.
 */
#ifndef LOADER_HOOKS_H
#define LOADER_HOOKS_H

#include <stdbool.h>
#include <stdint.h>

#include "fault.h"
#include "layout.h"

enum hook_point {
	HOOK_XDP,
	HOOK_EGRESS,
	HOOK_INGRESS,
};

/* How a tc program is attached. */
enum hook_kind {
	HOOK_AUTO = 0, /* tcx, or clsact where the kernel has none */
	HOOK_TCX,
	HOOK_CLSACT,
};

struct hook_place {
	const char *dir; /* the instance's, in the bpffs */
	const char *dev;
	int ifindex;
};

/* What is pinned for a NIC. */
struct hook_state {
	bool any;		   /* something is */
	enum port_mode mode;	   /* of the XDP program, if it is on this very NIC; else 0 */
};

/* Looks at the pins. Those of a NIC that is gone, or of another by that name, are taken away. */
void hooks_look(const struct hook_place *at, struct hook_state *out);

/* -EBUSY with who it is if somebody else's XDP program is on the NIC. */
int hook_check_foreign(const struct hook_place *at, struct fault *f);

/* Puts the program there, in place of ours if one is there. *made: there was none. 0 or -errno. */
int hook_put_xdp(const struct hook_place *at, int prog, enum port_mode mode, bool *made, struct fault *f);
int hook_put_tc(const struct hook_place *at, enum hook_point point, int prog, enum hook_kind kind, bool *made,
		struct fault *f);

/* Attaches to the ingress of a TAP, unpinned. The link's fd, to be kept as long as the TAP; -1 if clsact holds it. */
int hook_put_tap(int tap_ifindex, int prog, enum hook_kind kind, int *link, struct fault *f);

/* Takes away what is pinned there; nothing pinned is no error. */
void hook_remove(const struct hook_place *at, enum hook_point point);

/* All three, and *any: whether there were some. */
void hooks_remove_all(const struct hook_place *at, bool *any);

/* Calls back with the name of each NIC that something is pinned for, once each. */
void hooks_for_each_device(const char *dir, void (*fn)(const char *dev, void *arg), void *arg);

#endif
