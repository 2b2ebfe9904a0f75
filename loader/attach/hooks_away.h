/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pins of NICs that have left their name with the programs on them, to another network namespace or by a rename: their
 * gates stay closed. They are kept as away/DEV-NUMBER-POINT, so that another interface may have the name.
 */
#ifndef LOADER_ATTACH_HOOKS_AWAY_H
#define LOADER_ATTACH_HOOKS_AWAY_H

#include "hook_place.h"

/* Puts away what is pinned for a NIC that is not the one of that name any more; of one that is gone nothing is kept. */
void hooks_put_away(const struct hook_place *at);

/* Whether the NIC is alive elsewhere without its filters: clsact does not go along to another network namespace. */
bool hooks_left_filters(const struct hook_place *at);

/* Whether the interface at->ifindex, which runs that XDP program, is one that was put away. */
bool hooks_is_away(const struct hook_place *at, uint32_t program);

/* If it is, its pins come back, under the name that it has now. */
bool hooks_bring_back(const struct hook_place *at, uint32_t program);

/* Opens the gates of those that were called so. Whether there was one. */
bool hooks_remove_away(const struct hook_place *at);

/* The same of all. */
void hooks_remove_all_away(const char *dir);

/* Whether there is any. What is gone meanwhile is forgotten. */
bool hooks_any_away(const char *dir);

#endif
