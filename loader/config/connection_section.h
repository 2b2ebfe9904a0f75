/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads [connection NAME] of the file. */
#ifndef LOADER_CONFIG_CONNECTION_SECTION_H
#define LOADER_CONFIG_CONNECTION_SECTION_H

#include "config_reader.h"

/* Ends with a NULL name. */
extern const struct key connection_keys[];

/* The section's line. 0: it was wrong. */
int connection_begin(struct reader *r, const char *name);

/* Its end. What a section must have and what does not go together. False: it was wrong. */
bool connection_end(struct reader *r);

#endif
