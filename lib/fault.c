/* SPDX-License-Identifier: BSD-2-Clause */
#include "fault.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* How many bytes it should have by its first; 0: no character begins so. */
static size_t length_of(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first < 0xc2 || first > 0xf4)
		return 0;
	return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/* Of those that begin well by two bytes: in more bytes than it needs, half of a pair for UTF-16, beyond the last one.
 */
static bool is_none(const unsigned char *c)
{
	return (c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xed && c[1] >= 0xa0) || (c[0] == 0xf0 && c[1] < 0x90) ||
	       (c[0] == 0xf4 && c[1] >= 0x90);
}

static bool is_control(const unsigned char *c)
{
	return c[0] < ' ' || c[0] == 0x7f || (c[0] == 0xc2 && c[1] < 0xa0);
}

/* The bytes of the character that is there and may stay; 0: none is. */
static size_t good_character(const unsigned char *c)
{
	const size_t length = length_of(c[0]);

	for (size_t i = 1; i < length; i++)
		if ((c[i] & 0xc0) != 0x80)
			return 0;
	return !length || is_none(c) || is_control(c) ? 0 : length;
}

void make_one_line(char *text)
{
	while (*text) {
		const size_t length = good_character((const unsigned char *)text);

		if (!length)
			*text = '?';
		text += length ? length : 1;
	}
}

int fault(struct fault *f, int err, const char *format, ...)
{
	va_list args;

	if (f) {
		va_start(args, format);
		vsnprintf(f->text, sizeof(f->text), format, args);
		va_end(args);
		make_one_line(f->text);
	}
	return -err;
}
