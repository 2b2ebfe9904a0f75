/* SPDX-License-Identifier: BSD-2-Clause */
/* Connections as people and machines see them, from the daemon's status reply (NULL: none is running). */
#ifndef LOADER_COMMAND_CONNECTION_VIEW_H
#define LOADER_COMMAND_CONNECTION_VIEW_H

#include <stdbool.h>

#include "lib/json.h"

/* The array of connections: the caller's. */
cJSON *connections_json(const cJSON *status);

/* A table of them. False: there are none, and nothing was printed. */
bool connections_print(const cJSON *status);

/* Whether any of them is down, or its packets leave by an interface that is not attached. */
bool connections_unwell(const cJSON *status);

#endif
