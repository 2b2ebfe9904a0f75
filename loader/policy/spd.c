/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "spd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "maps/selector.h"

/* ---- order ---- */

static int compare_prefix(const struct prefix *a, const struct prefix *b)
{
	const int by_address = memcmp(a->addr, b->addr, sizeof(a->addr));

	return by_address ? by_address : (int)a->len - (int)b->len;
}

static int compare_numbers(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

/* Of two rules for one prefix, which goes first. What is equal is ordered by its bytes, so that the order is stable. */
static int compare_rules(const struct spd_rule *a, const struct spd_rule *b)
{
	const struct selector x = selector_of_rule(a), y = selector_of_rule(b);
	int order = compare_numbers(addr_is_zero(a->local), addr_is_zero(b->local));

	if (!order)
		order = selector_precedence(&x, &y);
	if (!order)
		order = compare_numbers(a->prio, b->prio);
	return order ? order : memcmp(a, b, sizeof(*a));
}

static int compare_policies(const void *a, const void *b)
{
	const struct policy *left = a, *right = b;
	const int by_prefix = compare_prefix(&left->remote, &right->remote);

	return by_prefix ? by_prefix : compare_rules(&left->rule, &right->rule);
}

void spd_sort(struct spd *spd)
{
	key_index_clear(&spd->selectors);
	if (spd->count)
		qsort(spd->policies, spd->count, sizeof(*spd->policies), compare_policies);
}

/* A longer prefix goes first. */
static int compare_precedence(const void *a, const void *b)
{
	const struct policy *left = a, *right = b;

	if (left->remote.len != right->remote.len)
		return (int)right->remote.len - (int)left->remote.len;
	return compare_policies(a, b);
}

void spd_sort_by_precedence(struct spd *spd)
{
	key_index_clear(&spd->selectors);
	if (spd->count)
		qsort(spd->policies, spd->count, sizeof(*spd->policies), compare_precedence);
}

/* ---- policies ---- */

static bool same_selector(const struct policy *a, const struct policy *b)
{
	const struct selector x = selector_of_rule(&a->rule), y = selector_of_rule(&b->rule);

	return compare_prefix(&a->remote, &b->remote) == 0 &&
	       memcmp(a->rule.local, b->rule.local, sizeof(a->rule.local)) == 0 && selector_equal(&x, &y);
}

static bool is_at(const void *policies, size_t place, const void *policy)
{
	return same_selector(&((const struct policy *)policies)[place], policy);
}

static uint64_t hash_of(const struct policy *p)
{
	const struct selector sel = selector_of_rule(&p->rule);
	uint64_t hash = key_hash(p->remote.addr, sizeof(p->remote.addr), p->remote.len);

	hash = key_hash(p->rule.local, sizeof(p->rule.local), hash);
	return key_hash(&sel, sizeof(sel), hash);
}

/* False: no memory. */
static bool index_all(struct spd *spd)
{
	int err = 0;

	if (spd->selectors.count > spd->count)
		key_index_clear(&spd->selectors);
	for (size_t i = spd->selectors.count; i < spd->count && !err; i++)
		err = key_index_add(&spd->selectors, hash_of(&spd->policies[i]), i);
	return !err;
}

static struct policy *find(struct spd *spd, const struct policy *policy)
{
	size_t place = KEY_INDEX_NONE;

	if (index_all(spd))
		place = key_index_find(&spd->selectors, hash_of(policy), is_at, spd->policies, policy);
	else
		for (size_t i = 0; i < spd->count && place == KEY_INDEX_NONE; i++)
			place = is_at(spd->policies, i, policy) ? i : KEY_INDEX_NONE;
	return place == KEY_INDEX_NONE ? NULL : &spd->policies[place];
}

static int append(struct spd *spd, const struct policy *policy)
{
	if (spd->count == spd->room) {
		const size_t room = spd->room ? spd->room * 2 : 64;
		struct policy *more = realloc(spd->policies, room * sizeof(*more));

		if (!more)
			return -ENOMEM;
		spd->policies = more;
		spd->room = room;
	}
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): who has room has an array */
	spd->policies[spd->count++] = *policy;
	return 0;
}

static int append_or_tell(struct spd *spd, const struct policy *policy, struct fault *f)
{
	return append(spd, policy) ? fault(f, ENOMEM, "policies: %s", strerror(ENOMEM)) : 0;
}

static int refuse_owner(const struct policy *there, struct fault *f)
{
	char text[PREFIX_TEXT];

	return fault(f, EPERM, "dst %s: the policy with this selector is the file's: change %s there, and reload",
		     prefix_text(&there->remote, text),
		     there->rule.owner == OWNER_IKE ? "'protect' of its [connection]" : "its [policy]");
}

int spd_add(struct spd *spd, const struct policy *policy, struct fault *f)
{
	char text[PREFIX_TEXT];

	if (find(spd, policy))
		return fault(
			f, EEXIST,
			"dst %s: a policy with the same selector is there: 'policy list' shows it, 'policy replace' "
			"takes its place",
			prefix_text(&policy->remote, text));
	return append_or_tell(spd, policy, f);
}

int spd_replace(struct spd *spd, const struct policy *policy, struct fault *f)
{
	struct policy *there = find(spd, policy);

	if (!there)
		return append_or_tell(spd, policy, f);
	if (there->rule.owner != policy->rule.owner)
		return refuse_owner(there, f);
	*there = *policy;
	return 0;
}

int spd_del(struct spd *spd, const struct policy *policy, struct fault *f)
{
	struct policy *there = find(spd, policy);
	char text[PREFIX_TEXT];

	if (!there)
		return fault(f, ENOENT, "dst %s: no policy with this selector: 'policy list' shows what there is",
			     prefix_text(&policy->remote, text));
	if (there->rule.owner != policy->rule.owner)
		return refuse_owner(there, f);
	*there = spd->policies[--spd->count];
	key_index_clear(&spd->selectors);
	return 0;
}

int spd_copy(struct spd *spd, const struct spd *from, struct fault *f)
{
	int err = 0;

	for (size_t i = 0; i < from->count && !err; i++)
		err = append_or_tell(spd, &from->policies[i], f);
	return err;
}

void spd_keep(struct spd *spd, bool (*stays)(const struct policy *policy, const void *arg), const void *arg)
{
	size_t kept = 0;

	key_index_clear(&spd->selectors);
	for (size_t i = 0; i < spd->count; i++)
		if (stays(&spd->policies[i], arg))
			spd->policies[kept++] = spd->policies[i];
	spd->count = kept;
}

static bool is_anothers(const struct policy *policy, const void *owner)
{
	return policy->rule.owner != *(const enum owner *)owner;
}

void spd_flush(struct spd *spd, enum owner owner)
{
	spd_keep(spd, is_anothers, &owner);
}

int spd_take_entry(struct spd *spd, const struct spd_key *key, const struct spd_entry *entry)
{
	struct policy policy = {.remote = {.len = (uint8_t)key->prefixlen}};
	int err = 0;

	memcpy(policy.remote.addr, key->remote, sizeof(key->remote));
	for (uint32_t i = 0; i < entry->count && i < SPD_RULES_MAX && !err; i++) {
		if (entry->rules[i].origin != key->prefixlen)
			continue;
		policy.rule = entry->rules[i];
		err = append(spd, &policy);
	}
	return err;
}

/* ---- compiling ---- */

/* The run of policies made for one prefix, in a sorted SPD. */
struct group {
	size_t first;
	size_t end;
};

static int compare_to_policy(const void *prefix, const void *policy)
{
	return compare_prefix(prefix, &((const struct policy *)policy)->remote);
}

static struct group group_of(const struct spd *spd, const struct prefix *p)
{
	const struct policy *any =
		spd->count ? bsearch(p, spd->policies, spd->count, sizeof(*spd->policies), compare_to_policy) : NULL;
	struct group g = {0};

	if (!any)
		return g;
	g.first = g.end = (size_t)(any - spd->policies);
	while (g.first > 0 && compare_prefix(&spd->policies[g.first - 1].remote, p) == 0)
		g.first--;
	while (g.end < spd->count && compare_prefix(&spd->policies[g.end].remote, p) == 0)
		g.end++;
	return g;
}

const struct policy *spd_find(const struct spd *sorted, const struct policy *policy)
{
	const struct group g = group_of(sorted, &policy->remote);

	for (size_t i = g.first; i < g.end; i++)
		if (same_selector(&sorted->policies[i], policy))
			return &sorted->policies[i];
	return NULL;
}

static void shorten(struct prefix *p, uint8_t len)
{
	p->len = len;
	for (unsigned bit = len; bit < 32; bit++)
		p->addr[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
}

/* A bit for each length that some prefix has. */
static uint64_t lengths_of(const struct spd *spd)
{
	uint64_t lengths = 0;

	for (size_t i = 0; i < spd->count; i++)
		lengths |= 1ULL << spd->policies[i].remote.len;
	return lengths;
}

static int compile_one(const struct spd *spd, uint64_t lengths, const struct prefix *prefix, struct spd_item *item,
		       struct fault *f)
{
	struct prefix around = *prefix;
	char text[PREFIX_TEXT];

	*item = (struct spd_item){.key.prefixlen = prefix->len};
	memcpy(item->key.remote, prefix->addr, sizeof(prefix->addr));
	for (int len = prefix->len; len >= 0; len--) {
		struct group g;

		if (!(lengths & 1ULL << len))
			continue;
		shorten(&around, (uint8_t)len);
		g = group_of(spd, &around);
		if (item->entry.count + (g.end - g.first) > SPD_RULES_MAX)
			return fault(f, E2BIG,
				     "dst %s: more than %d policies apply to it, its own and those of shorter prefixes",
				     prefix_text(prefix, text), SPD_RULES_MAX);
		for (size_t i = g.first; i < g.end; i++)
			item->entry.rules[item->entry.count++] = spd->policies[i].rule;
	}
	return 0;
}

static size_t count_prefixes(const struct spd *spd)
{
	size_t n = 0;

	for (size_t i = 0; i < spd->count; i++)
		n += i == 0 || compare_prefix(&spd->policies[i].remote, &spd->policies[i - 1].remote) != 0;
	return n;
}

static int compile_sorted(const struct spd *spd, uint32_t prefixes, struct spd_image *out, struct fault *f)
{
	const size_t n = count_prefixes(spd);
	const uint64_t lengths = lengths_of(spd);
	int err = 0;

	*out = (struct spd_image){0};
	if (n > prefixes)
		return fault(f, ENOSPC, "policies for more than %u prefixes: let there be more by sa-max in [daemon]",
			     prefixes);
	if (n == 0)
		return 0;
	out->items = calloc(n, sizeof(*out->items));
	if (!out->items)
		return fault(f, ENOMEM, "policies: %s", strerror(ENOMEM));
	for (size_t i = 0; i < spd->count && !err; i++)
		if (i == 0 || compare_prefix(&spd->policies[i].remote, &spd->policies[i - 1].remote) != 0)
			err = compile_one(spd, lengths, &spd->policies[i].remote, &out->items[out->count++], f);
	if (err)
		spd_image_free(out);
	return err;
}

int spd_compile(const struct spd *spd, uint32_t prefixes, struct spd_image *out, struct fault *f)
{
	struct spd sorted = {0};
	int err = spd_copy(&sorted, spd, f);

	*out = (struct spd_image){0};
	spd_sort(&sorted);
	if (!err)
		err = compile_sorted(&sorted, prefixes, out, f);
	spd_free(&sorted);
	return err;
}

/* ---- images ---- */

static int compare_items(const void *a, const void *b)
{
	const struct spd_item *left = a, *right = b;
	const int by_address = memcmp(left->key.remote, right->key.remote, sizeof(left->key.remote));

	return by_address ? by_address : compare_numbers(left->key.prefixlen, right->key.prefixlen);
}

const struct spd_item *spd_image_find(const struct spd_image *image, const struct spd_key *key)
{
	const struct spd_item wanted = {.key = *key};

	if (!image->count)
		return NULL;
	return bsearch(&wanted, image->items, image->count, sizeof(*image->items), compare_items);
}

static bool has_rule(const struct spd_entry *entry, const struct spd_rule *rule)
{
	for (uint32_t i = 0; entry && i < entry->count; i++)
		if (memcmp(&entry->rules[i], rule, sizeof(*rule)) == 0)
			return true;
	return false;
}

bool spd_entry_closes(const struct spd_entry *before, const struct spd_entry *now)
{
	for (uint32_t i = 0; i < now->count; i++)
		if (now->rules[i].action != SPD_BYPASS && !has_rule(before, &now->rules[i]))
			return true;
	return false;
}

void spd_free(struct spd *spd)
{
	free(spd->policies);
	key_index_clear(&spd->selectors);
	*spd = (struct spd){0};
}

void spd_image_free(struct spd_image *image)
{
	free(image->items);
	*image = (struct spd_image){0};
}
