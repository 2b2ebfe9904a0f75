/* SPDX-License-Identifier: BSD-2-Clause */
#include "foreign_word.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Whether what was typed is the name, which ends after n letters. */
static bool is_spelt(const char *typed, const char *name, size_t n)
{
	size_t i = 0;

	for (; *typed; typed++) {
		if (strchr("-_", *typed))
			continue;
		if (i == n || tolower((unsigned char)*typed) != name[i])
			return false;
		i++;
	}
	return i == n;
}

static bool is_among(const char *typed, const char *names)
{
	while (*names) {
		const size_t n = strcspn(names, "|");

		if (is_spelt(typed, names, n))
			return true;
		names += n + (names[n] == '|');
	}
	return false;
}

const char *foreign_word_answer(const struct foreign_word *table, const char *typed)
{
	for (const struct foreign_word *w = table; w->names; w++)
		if (is_among(typed, w->names))
			return w->answer;
	return NULL;
}
