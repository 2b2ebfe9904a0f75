/* SPDX-License-Identifier: BSD-2-Clause */
/* What the file says of policies: what connections protect (OWNER_IKE), there whether or not IKE runs, so that without
 * SAs nothing goes in clear; and its own (OWNER_FILE). */
#ifndef LOADER_DAEMON_CONNECTION_POLICIES_H
#define LOADER_DAEMON_CONNECTION_POLICIES_H

#include "config/config.h"
#include "maps/maps.h"

/* Makes both those of the configuration, in one change; manual ones stay. 0, or -errno and nothing has changed. */
int connection_policies_sync(const struct maps *maps, const struct config *config, struct fault *f);

/*
 * Adds those of the configuration to what is there, for a start that may yet fail: nothing that an earlier run protects
 * or discards is let by, and where one has left policies of a file, no bypass is added. 0 or -errno.
 */
int connection_policies_add(const struct maps *maps, const struct config *config, struct fault *f);

/* Whether that could be done, without doing it. maps may be NULL: manual policies are not looked at then. */
int connection_policies_check(const struct maps *maps, const struct config *config, struct fault *f);

#endif
