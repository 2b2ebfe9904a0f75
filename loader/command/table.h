/* SPDX-License-Identifier: BSD-2-Clause */
/* Aligned text: columns as wide as what stands in them, numbers to the right. */
#ifndef LOADER_COMMAND_TABLE_H
#define LOADER_COMMAND_TABLE_H

#include <stdio.h>

struct table;

/*
 * headers: the columns' names separated by '|'; one that begins with '>' is
 * aligned to the right. Ends the program when there is no memory.
 */
struct table *table_new(const char *headers);

/* The next cell, from left to right and line to line. */
void table_cell(struct table *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prints it, if it has any line, and frees it. */
void table_print(struct table *t, FILE *out);

#endif
