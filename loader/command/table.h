/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Aligned text: columns as wide as what stands in them, numbers to the right. Where the screen is narrower the last
 * column is wrapped, if it may be; and where that is not enough each line becomes a paragraph (lines.h).
 */
#ifndef LOADER_COMMAND_TABLE_H
#define LOADER_COMMAND_TABLE_H

#include <stdio.h>

#include "screen.h"

struct table;

/*
 * headers: the columns' names separated by '|'; one that begins with '>' is aligned to the right, and the last, if it
 * begins with '~', may be wrapped. Ends the program when there is no memory.
 */
struct table *table_new(const char *headers);

/* The next cell, from left to right and line to line. */
void table_cell(struct table *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The last cell has that tint. */
void table_tint(struct table *t, enum tint tint);

/* Whether it can be printed as a table. */
bool table_fits(const struct table *t);

/* Prints it, if it has any line, and frees it. */
void table_print(struct table *t, FILE *out);

/* Frees it unprinted. */
void table_free(struct table *t);

#endif
