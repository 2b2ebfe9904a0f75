/* SPDX-License-Identifier: BSD-2-Clause */
/* The instance's maps as files of the BPF file system: made all at once, replaced by those of another layout, taken
 * away. */
#ifndef LOADER_INSTANCE_PINNED_MAPS_H
#define LOADER_INSTANCE_PINNED_MAPS_H

#include <stdint.h>

#include "lib/bpffs.h"
#include "lib/fault.h"

struct bpf_object;
struct maps;

/* A path of a pin: an instance's directory and a name in it. */
#define PIN_MAX (BPFFS_PATH_MAX + 32)

/* The directory of the backstop's pins, in an instance's. */
#define BACKSTOP_PINS "/backstop"

/* Makes the maps for so many slots and pins them in dir, which must not exist yet: all of them or none. 0 or -errno. */
int pinned_maps_make(const char *dir, uint32_t slots, struct fault *f);

/*
 * An upgrade: makes maps of this layout, for so many slots, in a directory beside dir, whose path goes to beside
 * (PIN_MAX). Until they take their place, what is attached goes on with the old ones. 0 or -errno.
 */
int pinned_maps_make_beside(const char *dir, uint32_t slots, char *beside, struct fault *f);

/* Moves the maps from beside into dir, one after the other. The one that tells the layout is the last, so that who dies
 * here has not upgraded. */
int pinned_maps_take_place(const char *dir, const char *beside, struct fault *f);

/*
 * Pins anew what somebody has taken away of the maps, which are open and have been pinned in dir; makes the
 * directories, too, if they are gone. How many that were, or -errno.
 */
int pinned_maps_renew(const char *dir, struct maps *maps, struct fault *f);

/* Takes the link at a pin off its hook, and the pin away. Its pin alone is not enough: a bpffs that another one was
 * mounted over may have a second one. Nothing there is no error. */
void pinned_link_end(const char *path);

/* Takes away every pin of the instance, with its links as pinned_link_end() does. Nothing there is no error. */
void pinned_maps_remove(const char *dir);

/* Called before an object is loaded: has it use the maps that are pinned in dir, made for so many slots. 0 or -errno.
 */
int pinned_maps_use(struct bpf_object *object, const char *dir, uint32_t slots, struct fault *f);

#endif
