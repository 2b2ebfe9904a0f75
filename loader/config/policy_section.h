/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads [policy NAME] of the file. */
#ifndef LOADER_CONFIG_POLICY_SECTION_H
#define LOADER_CONFIG_POLICY_SECTION_H

#include "config_reader.h"

/* Ends with a NULL name. */
extern const struct key policy_keys[POLICY_KEYS + 1];

/* The section's line. 0: it was wrong. */
int policy_begin(struct reader *r, const char *name);

/* Its end. The policy is read here, as a whole. False: it was wrong. */
bool policy_end(struct reader *r);

#endif
