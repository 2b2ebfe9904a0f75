/* SPDX-License-Identifier: BSD-2-Clause */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>

#include "clock.h"
#include "fault.h"

/* Enough to see what is going on, too few to fill a disk: 10 lines/s of 150 bytes are 130 MB a day. */
#define LINES_PER_SECOND 10
#define SECOND_NS	 1000000000ULL

void log_line(const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	make_one_line(text);
	fprintf(stderr, "xdp-ipsec: %s\n", text);
}

bool log_limit_allows(struct log_limit *limit, const char *what)
{
	uint64_t now = clock_now();

	if (now - limit->window_ns >= SECOND_NS) {
		if (limit->suppressed)
			log_line("%s: %u more were not logged", what, limit->suppressed);
		*limit = (struct log_limit){.window_ns = now};
	}
	if (limit->lines < LINES_PER_SECOND) {
		limit->lines++;
		return true;
	}
	limit->suppressed++;
	return false;
}
