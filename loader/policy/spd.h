/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The SPD as people see it (policies), as the datapath reads it (one entry a prefix), and the way between the two. No
 * map is touched here.
 *
 * An entry has every rule that can apply to an address whose longest prefix it is, so that the datapath needs one
 * lookup: the rules of its own prefix in the order of precedence, then those of the next shorter prefix around, and so
 * on (RFC 4301 section 4.4.1, decorrelated by prefix).
 */
#ifndef LOADER_POLICY_SPD_H
#define LOADER_POLICY_SPD_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/fault.h"
#include "lib/key_index.h"
#include "maps/layout.h"
#include "parse.h"

/* One policy; rule.origin is remote.len. */
struct policy {
	struct prefix remote;
	struct spd_rule rule;
};

/* A zeroed one is empty. */
struct spd {
	struct policy *policies;
	size_t count;
	size_t room;
	struct key_index selectors; /* of the policies by their selectors; made when one is looked for */
};

/* What the map holds, or is to hold: sorted by address, then length. A zeroed one is empty. */
struct spd_item {
	struct spd_key key;
	struct spd_entry entry;
};

struct spd_image {
	struct spd_item *items;
	size_t count;
};

/* Enters a policy. -EEXIST if one with the same selector is there, -ENOMEM. */
int spd_add(struct spd *spd, const struct policy *policy, struct fault *f);

/* Enters a policy, in place of the one with the same selector if there is one. -EPERM if that is another owner's;
 * -ENOMEM. */
int spd_replace(struct spd *spd, const struct policy *policy, struct fault *f);

/* Takes out the policy with the same remote prefix and selector, whatever its action and prio. 0; -ENOENT; -EPERM if it
 * is another owner's. */
int spd_del(struct spd *spd, const struct policy *policy, struct fault *f);

/* Takes out all policies but those that stay. */
void spd_keep(struct spd *spd, bool (*stays)(const struct policy *policy, const void *arg), const void *arg);

/* Takes out all policies of one owner. */
void spd_flush(struct spd *spd, enum owner owner);

/* Adds all that `from` has. 0 or -ENOMEM. */
int spd_copy(struct spd *spd, const struct spd *from, struct fault *f);

/* The policy with the same remote prefix and selector, in an SPD that spd_sort() has sorted; or NULL. It stays the
 * SPD's. */
const struct policy *spd_find(const struct spd *sorted, const struct policy *policy);

/* Makes entries of policies, for so many prefixes at most; spd_image_free() frees them. 0; -E2BIG, with the prefix
 * named, if more rules apply to one than an entry holds; -ENOSPC; -ENOMEM. */
int spd_compile(const struct spd *spd, uint32_t prefixes, struct spd_image *out, struct fault *f);

/* Enters the rules of an entry that were made for its own prefix, as policies. 0 or -ENOMEM. */
int spd_take_entry(struct spd *spd, const struct spd_key *key, const struct spd_entry *entry);

/* Sorts by prefix, then by precedence. */
void spd_sort(struct spd *spd);

/* Sorts for people, as policies act: of all that are for a packet, the first decides (but see bpf/policy.h of covers).
 */
void spd_sort_by_precedence(struct spd *spd);

/* The entry of that key, or NULL. It stays the image's. */
const struct spd_item *spd_image_find(const struct spd_image *image, const struct spd_key *key);

/* Whether the entry `now` protects or discards something that `before` does not. before NULL: there was no entry. */
bool spd_entry_closes(const struct spd_entry *before, const struct spd_entry *now);

void spd_free(struct spd *spd);
void spd_image_free(struct spd_image *image);

#endif
