/* SPDX-License-Identifier: BSD-2-Clause */
#include "count_view.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"

/* Sums of what BPF counted on each CPU, and of what each lane counted. */
int counts_read(const struct maps *maps, struct counts_sum *sum, struct fault *f)
{
	const int cpus = libbpf_num_possible_cpus();
	const uint32_t only = 0;
	struct counts *each = cpus > 0 ? calloc((size_t)cpus, sizeof(*each)) : NULL;

	if (!each)
		return fault(f, ENOMEM, "counters: %s", strerror(ENOMEM));
	if (bpf_map_lookup_elem(maps->stats, &only, each) < 0) {
		free(each);
		return fault(f, errno, "map stats: %s", strerror(errno));
	}
	for (enum reason reason = 0; reason < REASON_COUNT; reason++) {
		sum->by_reason[reason] = 0;
		for (int lane = 0; lane < LANES_MAX; lane++)
			sum->by_reason[reason] += counts_get(&maps->worker_counts[lane], reason);
		for (int cpu = 0; cpu < cpus; cpu++)
			sum->by_reason[reason] += counts_get(&each[cpu], reason);
	}
	free(each);
	return 0;
}

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
