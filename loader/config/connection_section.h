/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads [connection NAME] of the file. */
#ifndef LOADER_CONFIG_CONNECTION_SECTION_H
#define LOADER_CONFIG_CONNECTION_SECTION_H

#include "config_reader.h"

/* Ends with a NULL name. */
extern const struct key connection_keys[];

/* Begins a section, at its line. 0: wrong() has said why not. */
int connection_begin(struct reader *r, const char *name);

/* Ends the section: looks for what it must have, and what does not go together. False: wrong() has said what. */
bool connection_end(struct reader *r);

#endif
