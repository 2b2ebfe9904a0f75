/* SPDX-License-Identifier: BSD-2-Clause */
/* What connections protect, as policies (OWNER_IKE): there whether or not IKE runs, so that without SAs nothing goes in
 * clear. */
#ifndef LOADER_CONNECTION_POLICIES_H
#define LOADER_CONNECTION_POLICIES_H

#include "config.h"
#include "maps.h"

/* Makes the connections' policies those of the configuration; manual ones stay. 0, or -errno and nothing has changed.
 */
int connection_policies_sync(const struct maps *maps, const struct config *config, struct fault *f);

#endif
