/* SPDX-License-Identifier: BSD-2-Clause */
#include "clock.h"

#include <errno.h>
#include <sys/stat.h>
#include <time.h>

#include "lib/clock_check.h"
#include "lib/fault.h"

/* Of builds on other machines. */
#define TOLERANCE 86400

static void check_namespace(struct report *r)
{
	struct fault f;

	if (clock_check(&f))
		report_say(r, LEVEL_FAIL, "clock", f.text, NULL);
}

/* This program was not made tomorrow: packages keep the time at which it was built. */
void check_clock(struct report *r, bool certificates)
{
	const time_t now = time(NULL);
	struct stat st;
	struct tm tm;
	char text[32];
	struct fault f;

	check_namespace(r);
	if (stat("/proc/self/exe", &st) || st.st_mtime <= now + TOLERANCE || !gmtime_r(&now, &tm) ||
	    !strftime(text, sizeof(text), "%Y-%m-%d", &tm))
		return;
	fault(&f, EINVAL, "it is %s by the clock, when this program was not built yet%s", text,
	      certificates ? ": certificates are not valid then" : "");
	report_say(r, certificates ? LEVEL_FAIL : LEVEL_WARN, "clock", f.text, "set it, best by NTP: 'timedatectl'");
}
