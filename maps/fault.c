/* SPDX-License-Identifier: BSD-2-Clause */
#include "fault.h"

#include <stdarg.h>
#include <stdio.h>

int fault(struct fault *f, int err, const char *format, ...)
{
	va_list args;

	if (f) {
		va_start(args, format);
		vsnprintf(f->text, sizeof(f->text), format, args);
		va_end(args);
	}
	return -err;
}
