/* SPDX-License-Identifier: BSD-2-Clause */
#include "count_view.h"

#include <stdio.h>

#include "table.h"

cJSON *counts_json(const struct counts_sum *sum, bool drops)
{
	cJSON *json = cJSON_CreateObject();

	for (unsigned reason = 0; reason < REASON_COUNT; reason++)
		if (reason_is_drop(reason) == drops)
			json_add_u64(json, reason_name(reason), sum->by_reason[reason]);
	return json;
}

void counts_print(const struct counts_sum *sum, bool drops, FILE *out)
{
	struct table *t = table_new(drops ? ">DROPPED|REASON|~MEANING" : ">PASSED|REASON|~MEANING");

	for (enum reason reason = 0; reason < REASON_COUNT; reason++) {
		if (reason_is_drop(reason) != drops || !sum->by_reason[reason])
			continue;
		table_cell(t, "%llu", (unsigned long long)sum->by_reason[reason]);
		table_cell(t, "%s", reason_name(reason));
		table_cell(t, "%s%s%s", reason_text(reason), drops ? ": " : "", reason_hint(reason));
	}
	table_print(t, out);
}
