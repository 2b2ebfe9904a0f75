/* SPDX-License-Identifier: BSD-2-Clause */
/* SAs for people and scripts, read from the maps. */
#ifndef LOADER_COMMAND_SA_VIEW_H
#define LOADER_COMMAND_SA_VIEW_H

#include "lib/json.h"
#include "maps/maps.h"

#define BYTES_TEXT 12
#define AGE_TEXT   24

/* Which SAs: 0 for any SPI. */
cJSON *sa_view_json(const struct maps *maps, uint32_t spi);

/* The table; returns how many SAs there are. */
unsigned sa_view_print(const struct maps *maps);

/* Everything about the SAs of one SPI, a line each; returns how many there are. */
unsigned sa_view_print_details(const struct maps *maps, uint32_t spi);

/* A count of bytes in three digits and a unit, into buf (BYTES_TEXT), which is returned. */
const char *bytes_text(uint64_t bytes, char *buf);

/* Seconds as "42s", "7m", "3h12m", "5d3h", into buf (AGE_TEXT), which is returned. */
const char *age_text(uint64_t seconds, char *buf);

#endif
