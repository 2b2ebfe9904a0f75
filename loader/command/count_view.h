/* SPDX-License-Identifier: BSD-2-Clause */
/* Packets that were dropped or passed, by reason, as people and machines see them. */
#ifndef LOADER_COMMAND_COUNT_VIEW_H
#define LOADER_COMMAND_COUNT_VIEW_H

#include <stdbool.h>
#include <stdio.h>

#include "lib/fault.h"
#include "lib/json.h"
#include "maps/maps.h"

struct counts_sum {
	uint64_t by_reason[REASON_COUNT];
};

/* What BPF counted on each CPU and what the worker counted, together. 0 or -errno. */
int counts_read(const struct maps *maps, struct counts_sum *sum, struct fault *f);

/* Drops, or what was only counted, by name: the caller's. */
cJSON *counts_json(const struct counts_sum *sum, bool drops);

/* A table of those that are not 0; of drops with what they mostly come of. */
void counts_print(const struct counts_sum *sum, bool drops, FILE *out);

#endif
