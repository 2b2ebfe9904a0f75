/* SPDX-License-Identifier: BSD-2-Clause */
#include "spd_counters.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Which are somebody's, and the first that may be nobody's. */
struct given {
	uint32_t next;
	uint32_t count;
	bool taken[];
};

static struct given *nothing_given(uint32_t count)
{
	struct given *given = calloc(1, sizeof(*given) + count);

	if (given)
		*given = (struct given){.next = 1, .count = count};
	return given;
}

static void take_all(struct given *given, const struct spd *spd)
{
	for (size_t i = 0; i < spd->count; i++)
		if (spd->policies[i].rule.counter < given->count)
			given->taken[spd->policies[i].rule.counter] = true;
}

/* 0: none is left. */
static uint32_t take_next(struct given *given)
{
	while (given->next < given->count && given->taken[given->next])
		given->next++;
	return given->next < given->count ? given->next++ : 0;
}

/* What it did as another action is not what it does now. 0: it has none. */
static uint32_t counter_of(const struct spd *before, const struct policy *policy)
{
	const struct policy *there = spd_find(before, policy);

	return there && there->rule.action == policy->rule.action ? there->rule.counter : 0;
}

static int give(const struct maps *maps, struct given *given, struct policy *policy, const struct spd *before,
		const struct policy_hits *zeroes, struct fault *f)
{
	uint32_t *counter = &policy->rule.counter;

	*counter = counter_of(before, policy);
	if (*counter && *counter < given->count)
		return 0;
	*counter = take_next(given);
	if (*counter && bpf_map_update_elem(maps->spd_hits, counter, zeroes, BPF_ANY) < 0)
		return fault(f, errno, "map spd_hits: %s", strerror(errno));
	return 0;
}

/* One for each CPU, zeroed; the caller's to free. NULL: no memory. */
static struct policy_hits *hits_of_cpus(int *cpus)
{
	*cpus = libbpf_num_possible_cpus();
	return *cpus > 0 ? calloc((size_t)*cpus, sizeof(struct policy_hits)) : NULL;
}

int spd_counters_give(const struct maps *maps, struct spd *spd, struct spd *before, struct fault *f)
{
	int cpus, err = 0;
	struct policy_hits *zeroes = hits_of_cpus(&cpus);
	struct given *given = nothing_given(spd_counters(maps->slots));

	if (zeroes && given) {
		spd_sort(before);
		take_all(given, before);
		for (size_t i = 0; i < spd->count && !err; i++)
			err = give(maps, given, &spd->policies[i], before, zeroes, f);
	} else {
		err = fault(f, ENOMEM, "policies: %s", strerror(ENOMEM));
	}
	free(zeroes);
	free(given);
	return err;
}

static void add(struct hits *sum, const struct hits *one)
{
	sum->packets += one->packets;
	sum->bytes += one->bytes;
}

bool spd_counters_read(const struct maps *maps, const struct spd_rule *rule, struct policy_hits *sum)
{
	int cpus;
	struct policy_hits *each = hits_of_cpus(&cpus);
	const bool found = each && rule->counter && bpf_map_lookup_elem(maps->spd_hits, &rule->counter, each) == 0;

	*sum = (struct policy_hits){0};
	for (int i = 0; found && i < cpus; i++) {
		add(&sum->out, &each[i].out);
		add(&sum->in, &each[i].in);
	}
	free(each);
	return found;
}
