/* SPDX-License-Identifier: BSD-2-Clause */
/* [policy NAME] of the file: what 'policy add' would make, there as long as the file has it. */
#ifndef LOADER_CONFIG_POLICY_CONFIG_H
#define LOADER_CONFIG_POLICY_CONFIG_H

#include "policy/spd.h"

#define POLICY_NAME_MAX 48

struct policy_config {
	char name[POLICY_NAME_MAX];
	unsigned line; /* of its section */
	struct policy policy;
};

#endif
