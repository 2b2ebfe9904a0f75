/* SPDX-License-Identifier: BSD-2-Clause */
/* Manual policies: the words of 'policy add', and the commands on the SPD. */
#ifndef LOADER_POLICY_POLICY_H
#define LOADER_POLICY_POLICY_H

#include "lib/json.h"
#include "maps/maps.h"
#include "spd.h"

/* Reads the words of 'policy add' or, where the action need not be given, of 'policy del'. 0; -EINVAL with the word
 * that makes no sense; -ERANGE for a policy that is refused. */
int policy_parse(const cJSON *words, bool need_action, struct policy *out, struct fault *f);

int policy_add(const struct maps *maps, const struct policy *policy, struct fault *f);
int policy_replace(const struct maps *maps, const struct policy *policy, struct fault *f);
int policy_delete(const struct maps *maps, const struct policy *policy, struct fault *f);
int policy_flush(const struct maps *maps, struct fault *f);

/* The words for an action and for an owner. */
const char *policy_action_name(enum spd_action action);
const char *policy_owner_name(enum owner owner);

#endif
