/* SPDX-License-Identifier: BSD-2-Clause */
/* SAs for people and scripts, read from the maps. */
#ifndef LOADER_COMMAND_SA_VIEW_H
#define LOADER_COMMAND_SA_VIEW_H

#include <stdio.h>

#include "connection_names.h"
#include "lib/json.h"
#include "maps/maps.h"
#include "rates.h"

/* Which SAs: 0 for any SPI. names: which connection's each is; NULL: nobody knows. rates: NULL if not measured. */
cJSON *sa_view_json(const struct maps *maps, uint32_t spi, const struct connection_names *names,
		    const struct rates *rates);

/* All of them, with whose they are. */
void sa_view_print(const struct maps *maps, const struct connection_names *names, FILE *out);

/* Those that belong to no connection; returns how many that are. */
unsigned sa_view_print_own(const struct maps *maps, const struct connection_names *names, FILE *out);

/* Everything about the SAs of one SPI, a line each; returns how many there are. */
unsigned sa_view_print_details(const struct maps *maps, uint32_t spi, const struct connection_names *names, FILE *out);

#endif
