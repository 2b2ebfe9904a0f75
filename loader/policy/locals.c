/* SPDX-License-Identifier: BSD-2-Clause */
#include "locals.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "maps/slots.h"
#include "parse.h"
#include "spd_store.h"

/* An address, and how many SAs it is the end of. */
struct address {
	struct locals_key key;
	uint32_t sas;
};

struct address_set {
	struct address *at;
	size_t count;
	size_t room;
};

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct locals_key)); /* which comes first in both */
}

static int put(struct address_set *set, const uint8_t addr[4], uint32_t sas)
{
	if (addr_is_zero(addr))
		return 0;
	if (set->count == set->room) {
		const size_t room = set->room ? set->room * 2 : 64;
		struct address *more = realloc(set->at, room * sizeof(*more));

		if (!more)
			return -ENOMEM;
		set->at = more;
		set->room = room;
	}
	memcpy(set->at[set->count].key.addr, addr, 4);
	set->at[set->count++].sas = sas;
	return 0;
}

static bool has(const struct address_set *set, const struct locals_key *key)
{
	return set->count && bsearch(key, set->at, set->count, sizeof(*key), compare);
}

/* Each address once. */
static void merge(struct address_set *set)
{
	size_t n = 0;

	if (set->count)
		qsort(set->at, set->count, sizeof(*set->at), compare);
	for (size_t i = 0; i < set->count; i++) {
		if (n && compare(&set->at[n - 1], &set->at[i]) == 0)
			set->at[n - 1].sas += set->at[i].sas;
		else
			set->at[n++] = set->at[i];
	}
	set->count = n;
}

static int collect(const struct maps *maps, struct address_set *set, struct fault *f)
{
	struct spd spd = {0};
	int err = spd_read(maps, &spd, f);

	for (size_t i = 0; i < spd.count && !err; i++)
		err = put(set, spd.policies[i].rule.local, 0);
	spd_free(&spd);
	for (uint32_t slot = 0; slot < maps->slots && !err; slot++) {
		const struct sa_state *sa = &maps->sa[slot];

		if (slot_in_use(slot_generation(maps->sa, slot)))
			err = put(set, sa->direction == SA_OUTBOUND ? sa->src : sa->dst, 1);
	}
	merge(set);
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

static int write_one(const struct maps *maps, const struct locals_key *key, uint32_t sas, struct fault *f)
{
	return bpf_map_update_elem(maps->locals, key, &sas, BPF_ANY) < 0
		       ? fault(f, errno, "map locals: %s", strerror(errno))
		       : 0;
}

int locals_sync(const struct maps *maps, struct fault *f)
{
	struct address_set set = {0};
	int err = collect(maps, &set, f);

	for (size_t i = 0; i < set.count && !err; i++)
		err = write_one(maps, &set.at[i].key, set.at[i].sas, f);
	if (!err)
		remove_others(maps, &set);
	free(set.at);
	return err;
}

void locals_follow(const struct maps *maps)
{
	struct fault f;

	if (locals_sync(maps, &f))
		log_warning("%s: ESP without an SA is not told from the kernel's own at all addresses", f.text);
}

static uint32_t count_of(const struct maps *maps, const struct locals_key *key)
{
	uint32_t sas;

	return bpf_map_lookup_elem(maps->locals, key, &sas) == 0 ? sas : 0;
}

int locals_add(const struct maps *maps, const uint8_t addr[4], struct fault *f)
{
	struct locals_key key;

	memcpy(key.addr, addr, sizeof(key.addr));
	return write_one(maps, &key, count_of(maps, &key) + 1, f);
}

int locals_remove(const struct maps *maps, const uint8_t addr[4], struct fault *f)
{
	struct locals_key key;
	uint32_t sas;

	memcpy(key.addr, addr, sizeof(key.addr));
	sas = count_of(maps, &key);
	return sas > 1 ? write_one(maps, &key, sas - 1, f) : locals_sync(maps, f);
}
