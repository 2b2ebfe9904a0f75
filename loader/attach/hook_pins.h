/* SPDX-License-Identifier: BSD-2-Clause */
/* The pin of what hangs on a hook: links/DEV-POINT is a bpf_link, or the program itself for clsact, which has no links.
 */
#ifndef LOADER_ATTACH_HOOK_PINS_H
#define LOADER_ATTACH_HOOK_PINS_H

#include "hook_place.h"
#include "instance/pinned_maps.h"

/* By enum hook_point. */
extern const char *const hook_point_names[];

struct hook_pin {
	int fd; /* below 0: nothing, or it cannot be opened */
	bool is_link;
	bool unread; /* something is pinned, and what it is could not be found out: nothing else here is true of it */
	uint32_t prog_id;
	uint32_t ifindex; /* of a link, in the namespace where it is now; 0 when its interface is gone */
};

/* Writes the path of a hook's pin, which has room for PIN_MAX bytes. */
void hook_pin_path(const struct hook_place *at, enum hook_point point, char *path);

/* Replaces each `from` in text by `to`. A name in a bpffs has no dots, an interface's name no colons: so the one stands
 * for the other. */
void hook_pin_swap(char *text, char from, char to);

/* Opens a pin, by its hook or its path; fd is below 0 where nothing is pinned. hook_pin_close() closes. */
struct hook_pin hook_pin_open(const struct hook_place *at, enum hook_point point);
struct hook_pin hook_pin_read(const char *path);

/* The same facts of a link that is pinned nowhere. The descriptor stays its owner's to close. */
struct hook_pin hook_pin_of_link(int link);

/* Safe twice. */
void hook_pin_close(struct hook_pin *p);

/* Pins a link or a program, whose descriptor stays the caller's, in place of what was pinned there, in one step. 0 or
 * -errno. */
int hook_pin_put(const struct hook_place *at, enum hook_point point, int fd, struct fault *f);

#endif
