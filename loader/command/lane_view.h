/* SPDX-License-Identifier: BSD-2-Clause */
/* Lanes, the worker's threads, as people and machines see them: which queues each serves, where, and what it has moved.
 */
#ifndef LOADER_COMMAND_LANE_VIEW_H
#define LOADER_COMMAND_LANE_VIEW_H

#include "lib/json.h"
#include "maps/maps.h"

/* The array of lanes: the caller's. daemon: its reply to 'status', NULL: there is none, and so no lanes. */
cJSON *lanes_json(const struct maps *maps, const cJSON *daemon);

/* A table of those that have queues; whether there are any. */
bool lanes_print(const struct maps *maps, const cJSON *daemon);

#endif
