/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Paragraphs, where a table has no room, as 'wg show' has them: a line that says what it is about, and below it a line
 * for each thing there is to say, wrapped to the screen.
 *
 *   connection core1: up for 3h12m
 *     peer         192.0.2.2, host2.example by certificate
 */
#ifndef LOADER_COMMAND_LINES_H
#define LOADER_COMMAND_LINES_H

#include <stdio.h>

#include "screen.h"

/* Columns before what stands behind a label. */
#define LINES_INDENT 15

/* A line about the whole: wrapped, and indented by `hang` from its second line on. */
void lines_text(FILE *out, enum tint tint, unsigned hang, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* "  label        text" */
void lines_item(FILE *out, enum tint tint, const char *label, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* A line that a shell takes: what has no room goes on below, behind a backslash. */
void lines_command(FILE *out, const char *text);

/* Text from that column on, wrapped, and indented by `hang` from its second line on; no end of line follows. */
void lines_wrap(FILE *out, unsigned column, unsigned hang, const char *text);

#endif
