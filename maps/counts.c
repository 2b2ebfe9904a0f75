/* SPDX-License-Identifier: BSD-2-Clause */
#include "counts.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void add(struct counts *sum, const struct counts *one)
{
	for (enum reason reason = 0; reason < REASON_COUNT; reason++)
		*counts_at(sum, reason) += counts_get(one, reason);
	sum->capture_lost += one->capture_lost;
}

int counts_read_bpf(const struct maps *maps, struct counts *sum)
{
	const int cpus = libbpf_num_possible_cpus();
	struct counts *each = cpus > 0 ? calloc((size_t)cpus, sizeof(*each)) : NULL;
	int err = each ? 0 : cpus < 0 ? cpus : -ENOMEM;

	*sum = (struct counts){0};
	if (!err && bpf_map_lookup_elem(maps->stats, &(uint32_t){0}, each) < 0)
		err = -errno;
	for (int cpu = 0; !err && cpu < cpus; cpu++)
		add(sum, &each[cpu]);
	free(each);
	return err;
}

int counts_read(const struct maps *maps, struct counts_sum *sum, struct fault *f)
{
	struct counts bpf;
	const int err = counts_read_bpf(maps, &bpf);

	if (err)
		return fault(f, -err, "map stats: %s", strerror(-err));
	for (enum reason reason = 0; reason < REASON_COUNT; reason++) {
		sum->by_reason[reason] = counts_get(&bpf, reason);
		for (int lane = 0; lane < LANES_MAX; lane++)
			sum->by_reason[reason] += counts_get(&maps->worker_counts[lane], reason);
	}
	return 0;
}
