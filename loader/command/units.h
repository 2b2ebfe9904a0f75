/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers for people, the same everywhere. */
#ifndef LOADER_COMMAND_UNITS_H
#define LOADER_COMMAND_UNITS_H

#include <stdint.h>

#define UNITS_TEXT 24

/* Three digits, and the unit with its SI prefix: "0 B", "999 B", "1.43 GB", "140 Mbit/s". Into buf (UNITS_TEXT), which
 * is returned. */
const char *si_text(double n, const char *unit, char *buf);

/* The same without a unit, and as short as can be: "0", "999", "1.43G". */
const char *si_short(double n, char *buf);

/* Seconds as "42s", "7m", "3h12m", "5d3h". */
const char *age_text(uint64_t seconds, char *buf);

/* "1 try", "3 tries": the count with its noun, whose plural is given. */
const char *count_text(uint64_t n, const char *one, const char *many, char *buf);

/* Of a time so many seconds ago: "2026-11-29T03:15:40Z". */
const char *timestamp_text(double ago_s, char *buf);

#endif
