/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What each policy has decided on. The map `spd_hits` counts by numbers, which rules bear; here they are given out, so
 * that a policy keeps its own for as long as it is there, however often what is around it is written anew.
 */
#ifndef LOADER_POLICY_SPD_COUNTERS_H
#define LOADER_POLICY_SPD_COUNTERS_H

#include "maps/maps.h"
#include "spd.h"

/*
 * Gives each policy a counter: that of the policy in `before` with the same selector and action, or one that neither
 * has, from 0 on. If none is left the policy is not counted. before: what the map has now; it comes back sorted. 0 or
 * -errno.
 */
int spd_counters_give(const struct maps *maps, struct spd *spd, struct spd *before, struct fault *f);

/* Packets and bytes of a rule, since its policy was made. False: it is not counted, or they cannot be read. */
bool spd_counters_read(const struct maps *maps, const struct spd_rule *rule, struct policy_hits *sum);

#endif
