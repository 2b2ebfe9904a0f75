/* SPDX-License-Identifier: BSD-2-Clause */
#include "config_reader.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "config_habits.h"

/* The first thing wrong is what people mend first. */
int wrong(struct reader *r, const char *format, ...)
{
	const char *odd = r->odd_line == r->line ? CONFIG_ODD_LETTERS : "";
	char text[300];
	va_list args;

	if (r->err)
		return 0;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	r->err = fault(r->f, EINVAL, "%s:%u: %s%s", r->path, r->line, text, odd);
	return 0;
}

int choice(const char *text, const char *names)
{
	const size_t n = strlen(text);

	for (int i = 0; *names; i++) {
		const size_t length = strcspn(names, "|");

		if (length == n && memcmp(names, text, n) == 0)
			return i;
		names += length + (names[length] == '|');
	}
	return -1;
}

bool section_name_is_good(const char *name, size_t max)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr("-_.", name[i]))
			return false;
	return n > 0 && n < max;
}
