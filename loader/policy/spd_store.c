/* SPDX-License-Identifier: BSD-2-Clause */
#include "spd_store.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "spd_counters.h"
#include "spd_empty.h"

/* A rule of the layouts before 7 ends in front of its counter. */
#define UNCOUNTED_RULE offsetof(struct spd_rule, counter)

typedef int entry_visitor(const struct spd_key *key, const struct spd_entry *entry, void *arg);

static size_t entry_size(size_t rule_size)
{
	return offsetof(struct spd_entry, rules) + SPD_RULES_MAX * rule_size;
}

/* What is behind those that it has is nothing. */
static uint32_t rules_of(const struct spd_entry *entry)
{
	return entry->count < SPD_RULES_MAX ? entry->count : SPD_RULES_MAX;
}

/* From the last rule on: each has its place behind those that are still to be moved. */
static void widen(struct spd_entry *entry, size_t rule_size)
{
	for (uint32_t i = rules_of(entry); i-- > 0;) {
		struct spd_rule rule = {0};

		memcpy(&rule, (char *)entry->rules + i * rule_size, rule_size);
		entry->rules[i] = rule;
	}
}

/* Entries read by one system call: 400 KB of them. */
#define BATCH 256

/* Of a map, read so many at a time. */
struct batch {
	struct spd_key keys[BATCH];
	uint8_t entries[BATCH * sizeof(struct spd_entry)]; /* as wide as the map has them */
	struct spd_key next;
	uint32_t count;
};

static int visit_batch(const struct batch *b, size_t rule_size, entry_visitor *visit, void *arg)
{
	const size_t size = entry_size(rule_size);
	struct spd_entry entry;
	int err = 0;

	for (uint32_t i = 0; i < b->count && !err; i++) {
		const uint8_t *at = b->entries + i * size;

		memcpy(&entry, at, offsetof(struct spd_entry, rules));
		memcpy(entry.rules, at + offsetof(struct spd_entry, rules), rules_of(&entry) * rule_size);
		widen(&entry, rule_size);
		err = visit(&b->keys[i], &entry, arg);
	}
	return err;
}

/* rule_size: bytes of a rule in that map. */
static int for_each_entry(int map, size_t rule_size, entry_visitor *visit, void *arg, struct fault *f)
{
	struct batch *b = malloc(sizeof(*b));
	bool first = true, more = true;
	int err = b ? 0 : -ENOMEM;

	while (more && !err) {
		b->count = BATCH;
		more = bpf_map_lookup_batch(map, first ? NULL : &b->next, &b->next, b->keys, b->entries, &b->count,
					    NULL) == 0;
		if (!more && errno != ENOENT)
			err = -errno;
		first = false;
		if (!err)
			err = visit_batch(b, rule_size, visit, arg);
	}
	free(b);
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
	return for_each_entry(maps->spd, sizeof(struct spd_rule), take_policies, spd, f);
}

/* -EPROTO: its rules are none that are known here. */
static int find_rule_size(int map, size_t *size, struct fault *f)
{
	struct bpf_map_info info = {0};
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(map, &info, &len) < 0)
		return fault(f, errno, "map spd: %s", strerror(errno));
	*size = info.value_size == entry_size(UNCOUNTED_RULE) ? UNCOUNTED_RULE : sizeof(struct spd_rule);
	if (info.type != BPF_MAP_TYPE_LPM_TRIE || info.key_size != sizeof(struct spd_key) ||
	    info.value_size != entry_size(*size))
		return fault(f, EPROTO, "map spd: made by another version");
	return 0;
}

int spd_read_earlier(int map, struct spd *spd, struct fault *f)
{
	size_t rule_size = 0;
	int err = find_rule_size(map, &rule_size, f);

	*spd = (struct spd){0};
	return err ? err : for_each_entry(map, rule_size, take_policies, spd, f);
}

bool spd_may_have_any(int map)
{
	struct spd_key key;
	size_t rule_size;

	return find_rule_size(map, &rule_size, NULL) || bpf_map_get_next_key(map, NULL, &key) == 0 || errno != ENOENT;
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
	size_t count, room;
};

static int take_orphan(const struct spd_key *key, const struct spd_entry *entry, void *arg)
{
	struct orphans *o = arg;

	(void)entry;
	if (!spd_image_find(o->image, key) && o->count < o->room)
		o->keys[o->count++] = *key;
	return 0;
}

static int remove_orphans(const struct maps *maps, const struct spd_image *image, struct fault *f)
{
	struct orphans o = {.image = image, .room = spd_prefixes(maps->slots)};
	int err;

	o.keys = calloc(o.room, sizeof(*o.keys));
	if (!o.keys)
		return fault(f, ENOMEM, "map spd: %s", strerror(ENOMEM));
	err = for_each_entry(maps->spd, sizeof(struct spd_rule), take_orphan, &o, f);
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
	struct spd_empty *empty = spd_empty_make(image);
	int err;

	if (!empty)
		return fault(f, ENOMEM, "map spd: %s", strerror(ENOMEM));
	spd_empty_before(maps->empty, empty);
	err = write_changes(maps, image, f);
	if (!err)
		err = remove_orphans(maps, image, f);
	if (!err)
		spd_empty_after(maps->empty, empty);
	free(empty);
	return err;
}

int spd_write(const struct maps *maps, struct spd *spd, struct fault *f)
{
	struct spd before;
	struct spd_image image = {0}, old = {0};
	int err = spd_read(maps, &before, f);

	if (!err)
		err = spd_counters_give(maps, spd, &before, f);
	if (!err)
		err = spd_compile(spd, spd_prefixes(maps->slots), &image, f);
	if (!err)
		err = spd_compile(&before, spd_prefixes(maps->slots), &old, f);
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

bool spd_protects(const struct maps *maps, const uint8_t local[4], const uint8_t remote[4])
{
	struct spd_key key = {.prefixlen = 32};
	struct spd_entry entry;

	memcpy(key.remote, remote, sizeof(key.remote));
	if (bpf_map_lookup_elem(maps->spd, &key, &entry))
		return false;
	for (uint32_t i = 0; i < rules_of(&entry); i++) {
		const struct spd_rule *r = &entry.rules[i];

		if (r->action == SPD_PROTECT && (addr_is_zero(r->local) || memcmp(r->local, local, 4) == 0))
			return true;
	}
	return false;
}
