/* SPDX-License-Identifier: BSD-2-Clause */
/* Packets that were dropped or passed, by reason, as people and machines see them. */
#ifndef LOADER_COMMAND_COUNT_VIEW_H
#define LOADER_COMMAND_COUNT_VIEW_H

#include <stdbool.h>
#include <stdio.h>

#include "lib/json.h"
#include "maps/counts.h"

/* Drops, or what was only counted, by name: the caller's. */
cJSON *counts_json(const struct counts_sum *sum, bool drops);

/* A table of those that are not 0; of drops with what they mostly come of. */
void counts_print(const struct counts_sum *sum, bool drops, FILE *out);

#endif
