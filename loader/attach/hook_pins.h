/* SPDX-License-Identifier: BSD-2-Clause */
/* What hangs on a hook, as it is pinned: links/DEV-POINT is a bpf_link or, for clsact, which has none, the program. */
#ifndef LOADER_ATTACH_HOOK_PINS_H
#define LOADER_ATTACH_HOOK_PINS_H

#include "hook_place.h"
#include "instance/pinned_maps.h"

/* By enum hook_point. */
extern const char *const hook_point_names[];

struct hook_pin {
	int fd; /* -1: nothing */
	bool is_link;
	uint32_t prog_id;
	uint32_t ifindex; /* of a link, in the namespace where it is now; 0 when its interface is gone */
};

/* path: PIN_MAX bytes. */
void hook_pin_path(const struct hook_place *at, enum hook_point point, char *path);

/* The same text with every such character exchanged: bpffs has no dots in names, and interfaces have no colons. */
void hook_pin_swap(char *text, char from, char to);

/* What is pinned there; hook_pin_close ends it. */
struct hook_pin hook_pin_open(const struct hook_place *at, enum hook_point point);
struct hook_pin hook_pin_read(const char *path);

/* The same of a link that is pinned nowhere, which stays its owner's to close. */
struct hook_pin hook_pin_of_link(int link);

/* Safe twice. */
void hook_pin_close(struct hook_pin *p);

/* Pins it there, in place of what was pinned, in one step. 0 or -errno. */
int hook_pin_put(const struct hook_place *at, enum hook_point point, int fd, struct fault *f);

#endif
