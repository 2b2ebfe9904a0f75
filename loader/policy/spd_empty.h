/* SPDX-License-Identifier: BSD-2-Clause */
/* Which addresses no prefix has: the map `spd_empty`, by which most packets that no policy is for are told without a
 * walk through the trie. */
#ifndef LOADER_POLICY_SPD_EMPTY_H
#define LOADER_POLICY_SPD_EMPTY_H

#include "spd.h"

/* What it is for that image: the caller's to free; NULL: no memory. */
struct spd_empty *spd_empty_make(const struct spd_image *image);

/* Before the image's first entry is written: from now on no address of it, or of what was there before, passes for
 * one that has no prefix. */
void spd_empty_before(struct spd_empty *map, const struct spd_empty *wanted);

/* Once the map has the image and nothing else. */
void spd_empty_after(struct spd_empty *map, const struct spd_empty *wanted);

#endif
