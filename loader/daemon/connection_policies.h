/* SPDX-License-Identifier: BSD-2-Clause */
/* The policies that the file makes: those of connections (OWNER_IKE), which are there whether or not IKE runs, so that
 * without SAs nothing goes in clear; and those of its [policy] sections (OWNER_FILE). */
#ifndef LOADER_DAEMON_CONNECTION_POLICIES_H
#define LOADER_DAEMON_CONNECTION_POLICIES_H

#include "config/config.h"
#include "lib/json.h"
#include "maps/maps.h"

/* Makes the policies of both kinds those of the configuration, in one change; manual policies stay. 0, or -errno and
 * nothing has changed. */
int connection_policies_sync(const struct maps *maps, const struct config *config, struct fault *f);

/*
 * Adds the policies of the configuration to what is there, for a start that may yet fail. So what an earlier run
 * protects or discards is not let by; and where an earlier run has left policies of a file, no bypass is added. 0 or
 * -errno.
 */
int connection_policies_add(const struct maps *maps, const struct config *config, struct fault *f);

/* Whether connection_policies_sync() would succeed; changes nothing. maps NULL: without manual policies. 0 or -errno.
 */
int connection_policies_check(const struct maps *maps, const struct config *config, struct fault *f);

/* {SELECTOR: {"kind": "connection" or "policy", "name": NAME}} of each policy that the file makes, by its words
 * (policy_selector_text): the caller's to delete. */
cJSON *connection_policies_names(const struct config *config);

#endif
