/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The SPD as people see it (policies) and as the datapath reads it (one entry a
 * prefix), and the way between the two. Pure: no map is touched here.
 *
 * An entry holds the rules made for its prefix in the order of precedence, then
 * those of the next shorter prefix around it, and so on: the longest match has
 * all that can apply (RFC 4301 section 4.4.1, decorrelated by prefix).
 */
#ifndef LOADER_POLICY_SPD_H
#define LOADER_POLICY_SPD_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/fault.h"
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

/* The same, in place of the policy with the same selector, if there is one; -EPERM if that is another owner's. */
int spd_replace(struct spd *spd, const struct policy *policy, struct fault *f);

/* Takes out the policy with the same remote prefix and selector, whatever its action and prio. -ENOENT; -EPERM if it is
 * another owner's. */
int spd_del(struct spd *spd, const struct policy *policy, struct fault *f);

/* Takes out all of one owner. */
void spd_flush(struct spd *spd, enum owner owner);

/* Policies to entries. -E2BIG, with the prefix named, if more apply to one than an entry holds, -ENOSPC, -ENOMEM. */
int spd_compile(const struct spd *spd, struct spd_image *out, struct fault *f);

/* The rules of one entry that were made for its own prefix, as policies. 0 or -ENOMEM. */
int spd_take_entry(struct spd *spd, const struct spd_key *key, const struct spd_entry *entry);

/* Order for people: by prefix, then precedence. */
void spd_sort(struct spd *spd);

/* The entry of that key, or NULL. */
const struct spd_item *spd_image_find(const struct spd_image *image, const struct spd_key *key);

/* Whether now protects or discards something that before did not. before may be NULL: nothing. */
bool spd_entry_closes(const struct spd_entry *before, const struct spd_entry *now);

void spd_free(struct spd *spd);
void spd_image_free(struct spd_image *image);

#endif
