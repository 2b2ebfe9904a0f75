/* SPDX-License-Identifier: BSD-2-Clause */
/* SAs of an earlier run: what becomes of them. */
#include <bpf/bpf.h>
#include <string.h>

#include "lib/log.h"
#include "maps/keylog.h"
#include "maps/publish.h"
#include "maps/selector.h"
#include "maps/slots.h"
#include "sa.h"

#define KEY_MAX 32

_Static_assert(sizeof(struct sad_out_key) <= KEY_MAX && sizeof(struct sad_key) <= KEY_MAX, "larger keys");

/* Which SAs stay. */
struct keeping {
	bool any;
	bool ike; /* also those of IKE */
};

/* Whoever was killed may have begun to make it, or to delete it. One of IKE's may have its name in sad_sent. */
static bool is_whole(const struct maps *maps, uint32_t slot)
{
	struct sad_out_key keys[2];
	unsigned count;

	if (sa_is_published(maps, slot))
		return true;
	if (maps->sa[slot].direction == SA_INBOUND)
		return false;
	count = sa_bindings(&maps->sa[slot], keys);
	return sa_is_bound(maps, slot, &keys[0]) || (count == 2 && sa_is_bound(maps, slot, &keys[1]));
}

/* Whoever was killed may have claimed a slot, and not stored its key yet. */
static bool stays(const struct sa_database *db, const struct keeping *k, uint32_t slot, uint32_t generation)
{
	const struct sa_state *sa = &db->maps->sa[slot];

	if (!k->any || slot >= db->maps->slots || !slot_in_use(generation) ||
	    slot_generation(db->maps->sa, slot) != generation)
		return false;
	if (!vault_is_of(db->vault, slot, generation, sa->owner))
		return false;
	return sa->owner == OWNER_MANUAL ? is_whole(db->maps, slot) : k->ike;
}

/* Takes out of sad, sad_out or sad_sent what leads to an SA that does not stay. */
static void sweep(const struct sa_database *db, const struct keeping *k, int map)
{
	uint8_t key[KEY_MAX], next[KEY_MAX];
	const void *at = NULL;

	while (bpf_map_get_next_key(map, at, next) == 0) {
		struct sad_value value = {0};

		/* From the same place on, where the next one is now. */
		if (bpf_map_lookup_elem(map, next, &value) == 0 && !stays(db, k, value.slot, value.generation) &&
		    bpf_map_delete_elem(map, next) == 0)
			continue;
		memcpy(key, next, sizeof(key));
		at = key;
	}
}

static int log_key(const struct sa_database *db, uint32_t slot)
{
	const struct sa_state *sa = &db->maps->sa[slot];
	const struct vault_entry *e = &db->vault->entries[slot];
	uint8_t keymat[ESP_KEYMAT_SIZE];
	int err;

	memcpy(keymat, e->key, ESP_KEY_SIZE);
	memcpy(keymat + ESP_KEY_SIZE, e->salt, ESP_SALT_SIZE);
	err = keylog_esp(db->keylog, sa->spi, sa->src, sa->dst, keymat);
	explicit_bzero(keymat, sizeof(keymat));
	return err;
}

static unsigned forget(struct sa_database *db, const struct keeping *k, struct sa_kept *kept)
{
	const struct maps *maps = db->maps;
	unsigned forgotten = 0, unlogged = 0;

	sa_sent_collect(&db->sent, db->maps);
	sweep(db, k, maps->sad_out);
	sweep(db, k, maps->sad);
	sweep(db, k, maps->sad_sent);
	for (uint32_t slot = 0; slot < maps->slots; slot++) {
		const uint32_t generation = slot_generation(maps->sa, slot);
		const bool manual = maps->sa[slot].owner == OWNER_MANUAL;

		if (!slot_in_use(generation))
			continue;
		if (stays(db, k, slot, generation)) {
			kept->manual += manual;
			kept->ike += !manual;
			unlogged += log_key(db, slot) != 0;
			continue;
		}
		forgotten += manual;
		vault_wipe(db->vault, slot);
		slot_release(maps, slot, generation);
	}
	slots_mend(maps);
	if (unlogged)
		log_warning("the key log cannot be written: keys of %u SAs are missing in it", unlogged);
	return forgotten;
}

unsigned sa_forget_all(struct sa_database *db)
{
	const struct keeping none = {0};
	struct sa_kept kept = {0};

	return forget(db, &none, &kept);
}

unsigned sa_keep(struct sa_database *db, bool ike, struct sa_kept *kept)
{
	const struct keeping k = {.any = true, .ike = ike};

	*kept = (struct sa_kept){0};
	return forget(db, &k, kept);
}

void sa_drop_unfinished(struct sa_database *db)
{
	for (uint32_t slot = 0; slot < db->maps->slots; slot++) {
		const uint32_t generation = slot_generation(db->maps->sa, slot);

		if (!slot_in_use(generation) || vault_has(db->vault, slot, generation))
			continue;
		sa_withdraw(db->maps, slot);
		vault_wipe(db->vault, slot);
		slot_release(db->maps, slot, generation);
	}
	slots_mend(db->maps);
}
