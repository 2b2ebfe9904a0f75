/* SPDX-License-Identifier: BSD-2-Clause */
#include "units.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

static const char *si(double n, const char *between, const char *unit, char *buf)
{
	static const char *const prefixes[] = {"", "k", "M", "G", "T", "P", "E"};
	unsigned i = 0;

	for (; n >= 999.5 && i < 6; i++)
		n /= 1000;
	snprintf(buf, UNITS_TEXT, "%.*f%s%s%s", !i || n >= 99.5 ? 0 : n < 9.995 ? 2 : 1, n, between, prefixes[i], unit);
	return buf;
}

const char *si_text(double n, const char *unit, char *buf)
{
	return si(n, " ", unit, buf);
}

const char *si_short(double n, char *buf)
{
	return si(n, "", "", buf);
}

const char *age_text(uint64_t s, char *buf)
{
	if (s < 60)
		snprintf(buf, UNITS_TEXT, "%" PRIu64 "s", s);
	else if (s < 3600)
		snprintf(buf, UNITS_TEXT, "%" PRIu64 "m", s / 60);
	else if (s < 86400)
		snprintf(buf, UNITS_TEXT, "%" PRIu64 "h%" PRIu64 "m", s / 3600, s / 60 % 60);
	else
		snprintf(buf, UNITS_TEXT, "%" PRIu64 "d%" PRIu64 "h", s / 86400, s / 3600 % 24);
	return buf;
}

const char *count_text(uint64_t n, const char *one, const char *many, char *buf)
{
	snprintf(buf, UNITS_TEXT, "%" PRIu64 " %s", n, n == 1 ? one : many);
	return buf;
}

const char *timestamp_text(double ago_s, char *buf)
{
	const time_t at = time(NULL) - (time_t)ago_s;
	struct tm utc;

	buf[0] = '\0';
	if (gmtime_r(&at, &utc))
		strftime(buf, UNITS_TEXT, "%Y-%m-%dT%H:%M:%SZ", &utc);
	return buf;
}
