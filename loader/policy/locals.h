/* SPDX-License-Identifier: BSD-2-Clause */
/* The map `locals`: which addresses of this host an SA or a policy protects. */
#ifndef LOADER_POLICY_LOCALS_H
#define LOADER_POLICY_LOCALS_H

#include <stdint.h>

#include "maps/maps.h"

/* Makes the map what the SAs and the policies say now. Addresses that are missing are entered before others are taken
 * out, so that none is unprotected in between. 0 or -errno. */
int locals_sync(const struct maps *maps, struct fault *f);

/* The same after policies have changed. Where the map has no room the log says so, and no more comes of it: ESP without
 * an SA for an address that is missing goes on to the kernel. SAs that a process has made up, which may write to them,
 * are not to keep policies from being changed. */
void locals_follow(const struct maps *maps);

/* One more SA ends at that address; one less. Steps do not grow with the number of SAs, but for the last one of an
 * address, which a policy may have as well. 0 or -errno. */
int locals_add(const struct maps *maps, const uint8_t addr[4], struct fault *f);
int locals_remove(const struct maps *maps, const uint8_t addr[4], struct fault *f);

#endif
