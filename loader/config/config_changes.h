/* SPDX-License-Identifier: BSD-2-Clause */
/* What a file says otherwise than the one that was read before. */
#ifndef LOADER_CONFIG_CONFIG_CHANGES_H
#define LOADER_CONFIG_CONFIG_CHANGES_H

#include "config.h"
#include "lib/json.h"

/*
 * Adds to list one {"what", "name", "change"} for each connection, policy and key of [daemon] that differs: what is
 * "connection", "policy" or "daemon"; change is "added", "removed" or "changed", and "restart" for a key that counts
 * from the next start on. Interfaces are compared with what is attached, by who attaches them.
 */
void config_changes(const struct config *before, const struct config *after, cJSON *list);

/* Whether the connection of that name is in both, and the same. */
bool config_connection_same(const struct config *before, const struct config *after, const char *name);

/* Adds one such change. */
void config_change_add(cJSON *list, const char *what, const char *name, const char *change);

#endif
