/* SPDX-License-Identifier: BSD-2-Clause */
/* What people bring along from other files, word processors and web pages, so that a value is not what it looks like.
 */
#ifndef LOADER_CONFIG_CONFIG_HABITS_H
#define LOADER_CONFIG_CONFIG_HABITS_H

#include <stdbool.h>

/* Behind the message on such a line. */
#define CONFIG_ODD_LETTERS "; the line has a blank, a quote or a dash that is not ASCII: type it anew"

/* What goes on with "give VALUES" where it is known what made a bad value of a good one; "": it is not. */
const char *config_habit(const char *values, const char *value);

/* Whether there are blanks, quotes or dashes in it that only look like those of a keyboard. */
bool config_has_odd_letters(const char *line);

#endif
