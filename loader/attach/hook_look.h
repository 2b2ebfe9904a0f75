/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether a program of ours is still on its hook, and is the first there to see a packet. Anybody who is root can
 * change that. */
#ifndef LOADER_ATTACH_HOOK_LOOK_H
#define LOADER_ATTACH_HOOK_LOOK_H

#include "hook_place.h"

enum hook_state {
	HOOK_FIRST,    /* as it should be */
	HOOK_UNKNOWN,  /* cannot be found out; the interface may be gone */
	HOOK_GONE,     /* our program was taken off */
	HOOK_REPLACED, /* our link runs another program */
	HOOK_BEHIND,   /* another program goes first */
};

struct hook_finding {
	enum hook_state state;
	uint32_t other; /* id of the program that is there instead, or in front; 0: none */
	bool tcx_above; /* ours is a filter, and the one in front is tcx's, which goes before all filters */
};

/* Looks at a NIC's hook. ours: id of the program that should be there; kind: how it should be attached, which counts
 * where nothing is pinned any more. */
struct hook_finding hook_look(const struct hook_place *at, enum hook_point point, enum hook_kind kind, uint32_t ours);

/* Looks at a TAP's ingress. link: descriptor of our tcx link there, or -1 for a filter. */
struct hook_finding hook_look_tap(int ifindex, enum hook_kind kind, int link, uint32_t ours);

#endif
