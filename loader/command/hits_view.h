/* SPDX-License-Identifier: BSD-2-Clause */
/* What a policy has decided on so far, in one direction. */
#ifndef LOADER_COMMAND_HITS_VIEW_H
#define LOADER_COMMAND_HITS_VIEW_H

#include "lib/json.h"
#include "maps/maps.h"
#include "units.h"

#define HITS_TEXT (2 * UNITS_TEXT + 4)

/* "1204 packets, 98.3 kB", "0"; into buf (HITS_TEXT), which is returned. */
const char *hits_text(const struct hits *hits, char *buf);

/* Adds {"packets", "bytes"} by that name; null, if hits is NULL: they are not counted. */
void hits_add(cJSON *json, const char *name, const struct hits *hits);

#endif
