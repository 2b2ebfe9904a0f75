/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads [policy NAME] of the file. */
#ifndef LOADER_CONFIG_POLICY_SECTION_H
#define LOADER_CONFIG_POLICY_SECTION_H

#include "config_reader.h"

/* Ends with a NULL name. */
extern const struct key policy_keys[POLICY_KEYS + 1];

/* Begins a section, at its line. 0: wrong() has said why not. */
int policy_begin(struct reader *r, const char *name);

/* Ends the section: reads its words as those of 'policy add'. False: wrong() has said why not. */
bool policy_end(struct reader *r);

#endif
