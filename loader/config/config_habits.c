/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "config_habits.h"

#include <stddef.h>
#include <string.h>

/* As UTF-8 has them: no-break spaces, zero-width ones, typographic quotes and dashes. */
static const char *const odd_letters[] = {
	"\u00a0", "\u202f", "\u200b", "\ufeff", "\u2018", "\u2019", "\u201c", "\u201d", "\u201e", "\u2013", "\u2014",
};

bool config_has_odd_letters(const char *line)
{
	for (size_t i = 0; i < sizeof(odd_letters) / sizeof(odd_letters[0]); i++)
		if (strstr(line, odd_letters[i]))
			return true;
	return false;
}

const char *config_habit(const char *values, const char *value)
{
	if (!*value)
		return "";
	if (strchr("\"'", *value))
		return ", without quotes";
	if (strchr(value, '#') || strstr(value, "//"))
		return "; what is behind a value begins with ';'";
	if (strchr(value, ';'))
		return "; a ';' that begins a comment has a blank in front of it";
	if (*value == '@')
		return ", without '@'";
	return !strstr(values, value) && strcasestr(values, value) ? ", in small letters" : "";
}
