/* SPDX-License-Identifier: BSD-2-Clause */
/* Connections as people and machines see them, from the daemon's status reply (NULL: none is running). */
#ifndef LOADER_COMMAND_CONNECTION_VIEW_H
#define LOADER_COMMAND_CONNECTION_VIEW_H

#include <stdbool.h>
#include <stdio.h>

#include "lib/json.h"

/* The array of connections: the caller's. docs/status.schema.json has its fields. */
cJSON *connections_json(const cJSON *status);

/* What the SAs of each connection have carried in all, those that have ended, too: the caller's. Empty if IKE does not
 * tell. */
cJSON *totals_json(const cJSON *status);

/* Who was refused since no connection is for its address: the caller's; JSON's null if nobody was. */
cJSON *stranger_json(const cJSON *status);

/* Of such an array, for 'connection list': a line of each, and below what there is to say of some. */
void connections_list(const cJSON *connections, FILE *out);

/* Whether any of them is down, or its packets leave by an interface that is not attached. */
bool connections_unwell(const cJSON *connections);

#endif
