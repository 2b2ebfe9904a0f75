/* SPDX-License-Identifier: BSD-2-Clause */
/* The map `locals`: which addresses of this host an SA or a policy protects. */
#ifndef LOADER_POLICY_LOCALS_H
#define LOADER_POLICY_LOCALS_H

#include "maps/maps.h"

/* Makes the map what the SAs and the policies say now. Addresses that are missing are entered before others are taken
 * out, so that none is unprotected in between. 0 or -errno. */
int locals_sync(const struct maps *maps, struct fault *f);

#endif
