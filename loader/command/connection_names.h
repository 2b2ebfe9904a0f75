/* SPDX-License-Identifier: BSD-2-Clause */
/* Which connection an SA of the datapath belongs to: IKE knows, the maps do not. */
#ifndef LOADER_COMMAND_CONNECTION_NAMES_H
#define LOADER_COMMAND_CONNECTION_NAMES_H

#include "lib/json.h"
#include "maps/maps.h"

struct connection_names;

/* connections: as connections_json() makes them; has to outlive the names, which connection_names_free() frees. NULL:
 * no memory. */
struct connection_names *connection_names_new(const cJSON *connections);
void connection_names_free(struct connection_names *names);

/* The connection's place in the array; -1: none; names may be NULL. */
int connection_index(const struct connection_names *names, const struct sa_state *sa);

/* NULL: none; names may be NULL. */
const char *connection_name(const struct connection_names *names, const struct sa_state *sa);

#endif
