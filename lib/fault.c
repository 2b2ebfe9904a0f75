/* SPDX-License-Identifier: BSD-2-Clause */
#include "fault.h"

#include <stdarg.h>
#include <stdio.h>

void make_one_line(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
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
