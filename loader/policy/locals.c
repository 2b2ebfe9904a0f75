/* SPDX-License-Identifier: BSD-2-Clause */
#include "locals.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "maps/slots.h"
#include "parse.h"
#include "spd_store.h"

struct address_set {
	struct locals_key *at;
	size_t count;
	size_t room;
};

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct locals_key));
}

static int put(struct address_set *set, const uint8_t addr[4])
{
	if (addr_is_zero(addr))
		return 0;
	if (set->count == set->room) {
		const size_t room = set->room ? set->room * 2 : 64;
		struct locals_key *more = realloc(set->at, room * sizeof(*more));

		if (!more)
			return -ENOMEM;
		set->at = more;
		set->room = room;
	}
	memcpy(set->at[set->count++].addr, addr, 4);
	return 0;
}

static bool has(const struct address_set *set, const struct locals_key *key)
{
	return set->count && bsearch(key, set->at, set->count, sizeof(*key), compare);
}

static int collect(const struct maps *maps, struct address_set *set, struct fault *f)
{
	struct spd spd = {0};
	int err = spd_read(maps, &spd, f);

	for (size_t i = 0; i < spd.count && !err; i++)
		err = put(set, spd.policies[i].rule.local);
	spd_free(&spd);
	for (uint32_t slot = 0; slot < SLOTS_MAX && !err; slot++) {
		const struct sa_state *sa = &maps->sa[slot];

		if (slot_in_use(slot_generation(maps->sa, slot)))
			err = put(set, sa->direction == SA_OUTBOUND ? sa->src : sa->dst);
	}
	if (set->count)
		qsort(set->at, set->count, sizeof(*set->at), compare);
	return err;
}

/* Deleting while walking would start the walk over: the next key is asked for first. */
static void remove_others(const struct maps *maps, const struct address_set *set)
{
	struct locals_key key, next;
	bool more = bpf_map_get_next_key(maps->locals, NULL, &key) == 0;

	while (more) {
		more = bpf_map_get_next_key(maps->locals, &key, &next) == 0;
		if (!has(set, &key))
			bpf_map_delete_elem(maps->locals, &key);
		key = next;
	}
}

int locals_sync(const struct maps *maps, struct fault *f)
{
	struct address_set set = {0};
	const uint32_t present = 1;
	int err = collect(maps, &set, f);

	for (size_t i = 0; i < set.count && !err; i++)
		if (bpf_map_update_elem(maps->locals, &set.at[i], &present, BPF_ANY) < 0)
			err = fault(f, errno, "map locals: %s", strerror(errno));
	if (!err)
		remove_others(maps, &set);
	free(set.at);
	return err;
}
