/* SPDX-License-Identifier: BSD-2-Clause */
#include "spd_store.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef int entry_visitor(const struct spd_key *key, const struct spd_entry *entry, void *arg);

static int for_each_entry(const struct maps *maps, entry_visitor *visit, void *arg, struct fault *f)
{
	struct spd_key key, next;
	struct spd_entry entry;
	bool more = bpf_map_get_next_key(maps->spd, NULL, &key) == 0;
	int err = 0;

	while (more && !err) {
		more = bpf_map_get_next_key(maps->spd, &key, &next) == 0;
		if (bpf_map_lookup_elem(maps->spd, &key, &entry) < 0)
			return fault(f, errno, "map spd: %s", strerror(errno));
		err = visit(&key, &entry, arg);
		key = next;
	}
	return err ? fault(f, -err, "map spd: %s", strerror(-err)) : 0;
}

/* ---- reading ---- */

static int take_policies(const struct spd_key *key, const struct spd_entry *entry, void *arg)
{
	return spd_take_entry(arg, key, entry);
}

int spd_read(const struct maps *maps, struct spd *spd, struct fault *f)
{
	*spd = (struct spd){0};
	return for_each_entry(maps, take_policies, spd, f);
}

/* ---- writing ---- */

/* The new ones are there before those that have no policy left go: for a moment there are both. */
#define NO_ROOM ": too many prefixes that were not there before at once: go by two steps"

/* One entry to be written. */
struct change {
	const struct spd_item *item;
	bool closes;
};

static int compare_changes(const void *a, const void *b)
{
	const struct change *x = a, *y = b;

	if (x->closes != y->closes)
		return x->closes ? -1 : 1;
	return (int)y->item->key.prefixlen - (int)x->item->key.prefixlen;
}

static bool same_entry(const struct spd_entry *a, const struct spd_entry *b)
{
	return a->count == b->count && memcmp(a->rules, b->rules, a->count * sizeof(a->rules[0])) == 0;
}

/* Lists the entries that differ from what is in the map, in the order to write them. */
static size_t find_changes(const struct maps *maps, const struct spd_image *image, struct change *changes)
{
	struct spd_entry there;
	size_t n = 0;

	for (size_t i = 0; i < image->count; i++) {
		const struct spd_item *item = &image->items[i];
		struct spd_key found = item->key;
		/* A lookup in a trie finds the longest match, which need not be this key. */
		const bool exists = bpf_map_lookup_elem(maps->spd, &found, &there) == 0;

		if (exists && same_entry(&there, &item->entry))
			continue;
		changes[n++] = (struct change){item, spd_entry_closes(exists ? &there : NULL, &item->entry)};
	}
	if (n)
		qsort(changes, n, sizeof(*changes), compare_changes);
	return n;
}

struct orphans {
	const struct spd_image *image;
	struct spd_key *keys;
	size_t count;
};

static int take_orphan(const struct spd_key *key, const struct spd_entry *entry, void *arg)
{
	struct orphans *o = arg;

	(void)entry;
	if (!spd_image_find(o->image, key) && o->count < SPD_PREFIXES_MAX)
		o->keys[o->count++] = *key;
	return 0;
}

static int remove_orphans(const struct maps *maps, const struct spd_image *image, struct fault *f)
{
	struct orphans o = {.image = image, .keys = calloc(SPD_PREFIXES_MAX, sizeof(*o.keys))};
	int err;

	if (!o.keys)
		return fault(f, ENOMEM, "map spd: %s", strerror(ENOMEM));
	err = for_each_entry(maps, take_orphan, &o, f);
	for (size_t i = 0; i < o.count && !err; i++)
		if (bpf_map_delete_elem(maps->spd, &o.keys[i]) < 0)
			err = fault(f, errno, "map spd: %s", strerror(errno));
	free(o.keys);
	return err;
}

static int write_changes(const struct maps *maps, const struct spd_image *image, struct fault *f)
{
	struct change *changes = calloc(image->count + 1, sizeof(*changes));
	size_t n;
	int err = 0;

	if (!changes)
		return fault(f, ENOMEM, "map spd: %s", strerror(ENOMEM));
	n = find_changes(maps, image, changes);
	for (size_t i = 0; i < n && !err; i++)
		if (bpf_map_update_elem(maps->spd, &changes[i].item->key, &changes[i].item->entry, BPF_ANY) < 0)
			err = fault(f, errno, "map spd: %s%s", strerror(errno), errno == ENOSPC ? NO_ROOM : "");
	free(changes);
	return err;
}

static int write_image(const struct maps *maps, const struct spd_image *image, struct fault *f)
{
	int err = write_changes(maps, image, f);

	return err ? err : remove_orphans(maps, image, f);
}

int spd_write(const struct maps *maps, const struct spd *spd, struct fault *f)
{
	struct spd before = {0};
	struct spd_image image = {0}, old = {0};
	int err = spd_compile(spd, &image, f);

	if (!err)
		err = spd_read(maps, &before, f);
	if (!err)
		err = spd_compile(&before, &old, f);
	if (!err) {
		err = write_image(maps, &image, f);
		/* None of the old entries goes before all of the new ones are there: there is room to put them back. */
		if (err)
			write_image(maps, &old, NULL);
	}
	spd_image_free(&image);
	spd_image_free(&old);
	spd_free(&before);
	return err;
}
