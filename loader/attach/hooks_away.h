/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pins of NICs that have left, with the programs on them: to another network namespace, or to another name. Their gates
 * stay closed. The pins are kept as away/DEV-NUMBER-POINT, so that another interface may have the name.
 */
#ifndef LOADER_ATTACH_HOOKS_AWAY_H
#define LOADER_ATTACH_HOOKS_AWAY_H

#include "hook_place.h"

/* Puts away the pins of a NIC that does not have the name any more. Pins of a NIC that is gone are taken away,
 * those that cannot be read are not. */
void hooks_put_away(const struct hook_place *at);

/* Whether the NIC is alive elsewhere without its filters: clsact does not go along to another network namespace. */
bool hooks_left_filters(const struct hook_place *at);

/* Whether the interface at->ifindex, which runs that XDP program, is one that was put away. */
bool hooks_is_away(const struct hook_place *at, uint32_t program);

/* If the interface is one that was put away, its pins come back under the name that it has now, and true. program: the
 * XDP program that it runs; 0: none. */
bool hooks_bring_back(const struct hook_place *at, uint32_t program);

/* Opens the gates of NICs that were put away from that name. Whether there was one. */
bool hooks_remove_away(const struct hook_place *at);

/* Opens the gates of all NICs that were put away. */
void hooks_remove_all_away(const char *dir);

/* Whether any NIC is put away. Those that are known to be gone by now are forgotten. */
bool hooks_any_away(const char *dir);

#endif
