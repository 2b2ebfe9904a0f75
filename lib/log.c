/* SPDX-License-Identifier: BSD-2-Clause */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "fault.h"

/* Enough to see what is going on, too few to fill a disk: 10 lines/s of 150 bytes are 130 MB a day. */
#define LINES_PER_SECOND 10
#define SECOND_NS	 1000000000ULL

static const char *const level_names[LOG_LEVELS] = {"warning", "info", "debug"};

static enum log_level wanted = LOG_LEVEL_INFO;

void log_set_level(enum log_level level)
{
	wanted = level;
}

enum log_level log_get_level(void)
{
	return wanted;
}

const char *log_level_name(enum log_level level)
{
	return level_names[level];
}

bool log_level_parse(const char *text, enum log_level *out)
{
	for (unsigned i = 0; i < LOG_LEVELS; i++) {
		if (strcmp(text, level_names[i]) != 0)
			continue;
		*out = (enum log_level)i;
		return true;
	}
	return false;
}

static void write_line(enum log_level level, const char *format, va_list args)
{
	char text[1024];

	if (level > wanted)
		return;
	vsnprintf(text, sizeof(text), format, args);
	make_one_line(text);
	fprintf(stderr, "xdp-ipsec: %s\n", text);
}

void log_warning(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_line(LOG_LEVEL_WARNING, format, args);
	va_end(args);
}

void log_line(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_line(LOG_LEVEL_INFO, format, args);
	va_end(args);
}

void log_debug(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_line(LOG_LEVEL_DEBUG, format, args);
	va_end(args);
}

bool log_limit_allows(struct log_limit *limit, const char *what)
{
	uint64_t now = clock_now();

	if (now - limit->window_ns >= SECOND_NS) {
		if (limit->suppressed)
			log_warning("%s: %u more were not logged", what, limit->suppressed);
		*limit = (struct log_limit){.window_ns = now};
	}
	if (limit->lines < LINES_PER_SECOND) {
		limit->lines++;
		return true;
	}
	limit->suppressed++;
	return false;
}
