/* SPDX-License-Identifier: BSD-2-Clause */
/* The SPD in its map: read back into policies, and changed entry by entry without opening a hole. */
#ifndef LOADER_POLICY_SPD_STORE_H
#define LOADER_POLICY_SPD_STORE_H

#include "maps/maps.h"
#include "spd.h"

/* Reads the policies out of the map. *spd is the caller's to free, also after an error. 0 or -errno. */
int spd_read(const struct maps *maps, struct spd *spd, struct fault *f);

/* The same out of a map that may be of an earlier layout; map stays the caller's. -EPROTO: no policies that are known
 * here. */
int spd_read_earlier(int map, struct spd *spd, struct fault *f);

/* Whether there are policies in the map, which may be of any layout; also where that cannot be found out. */
bool spd_may_have_any(int map);

/* Whether some policy protects something between the two. */
bool spd_protects(const struct maps *maps, const uint8_t local[4], const uint8_t remote[4]);

/*
 * Makes the map what spd compiles to. No packet is let by in between that both the old and the new policies protect or
 * discard: entries that come to protect or discard more are written first, the more specific ones of them before
 * others, and entries that have no policy left go last. Policies get their counters (spd_counters.h). 0, or -errno and
 * the map is as it was.
 */
int spd_write(const struct maps *maps, struct spd *spd, struct fault *f);

#endif
