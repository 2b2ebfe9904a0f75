/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether what was put on a hook is still there, and the first to see a packet: the hooks are anybody's who is root. */
#ifndef LOADER_ATTACH_HOOK_LOOK_H
#define LOADER_ATTACH_HOOK_LOOK_H

#include "hook_place.h"

enum hook_state {
	HOOK_FIRST,    /* as it should be */
	HOOK_UNKNOWN,  /* cannot be found out; the interface may be gone */
	HOOK_GONE,     /* taken off */
	HOOK_REPLACED, /* our link runs another program */
	HOOK_BEHIND,   /* another program goes first */
};

struct hook_finding {
	enum hook_state state;
	uint32_t other; /* id of the program that is there, or in front; 0: none */
	bool tcx_above; /* ours is a filter, and in front is tcx, which all filters come after */
};

/* ours: the id of the program that should be there. kind: how, where nothing is pinned any more. */
struct hook_finding hook_look(const struct hook_place *at, enum hook_point point, enum hook_kind kind, uint32_t ours);

/* The same of a TAP's ingress; link: its tcx link, or -1 without one. */
struct hook_finding hook_look_tap(int ifindex, enum hook_kind kind, int link, uint32_t ours);

#endif
