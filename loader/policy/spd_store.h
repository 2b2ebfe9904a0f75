/* SPDX-License-Identifier: BSD-2-Clause */
/* The SPD in its map: read back into policies, and changed entry by entry without opening a hole. */
#ifndef LOADER_POLICY_SPD_STORE_H
#define LOADER_POLICY_SPD_STORE_H

#include "maps/maps.h"
#include "spd.h"

/* Reads the policies. *spd is the caller's to free, also on an error. 0 or -errno. */
int spd_read(const struct maps *maps, struct spd *spd, struct fault *f);

/*
 * Makes the map what spd compiles to; if that does not fit, or fails on the way, the map is as it was.
 * Entries that come to protect or discard more are written first, among them
 * the more specific ones; entries that have no policy left go last. 0 or -errno.
 */
int spd_write(const struct maps *maps, const struct spd *spd, struct fault *f);

#endif
