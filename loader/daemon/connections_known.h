/* SPDX-License-Identifier: BSD-2-Clause */
/* What can be told of connections without IKE, which is dead or slow: that they are configured, and whether SAs are
 * there. */
#ifndef LOADER_DAEMON_CONNECTIONS_KNOWN_H
#define LOADER_DAEMON_CONNECTIONS_KNOWN_H

#include "config/config.h"
#include "lib/json.h"
#include "maps/maps.h"

/* A document of the form of IKE's own status, the caller's to delete; each connection in it has the note. */
cJSON *connections_known(const struct config *config, const struct maps *maps, const char *note);

#endif
