/* SPDX-License-Identifier: BSD-2-Clause */
/* What 'check' has found, one line each, in the order in which it was found. */
#ifndef LOADER_CHECK_REPORT_H
#define LOADER_CHECK_REPORT_H

#include "lib/json.h"
#include "lib/key_index.h"

enum level {
	LEVEL_OK,
	LEVEL_WARN, /* it works, perhaps not as wanted */
	LEVEL_FAIL, /* it does not work, or is not safe */
};

struct report {
	cJSON *checks; /* array of {"level", "what", "text", "remedy"} */
	unsigned failures;
	const cJSON **rows; /* of checks; malloc'd */
	size_t count;
	size_t room;
	struct key_index said; /* of rows */
};

/*
 * what: the thing that was looked at. remedy: what to do; NULL where the text says it, or there is nothing to do. What
 * has been said in the same words before is not said again.
 */
void report_say(struct report *r, enum level level, const char *what, const char *text, const char *remedy);

/* Frees it all, checks too. */
void report_free(struct report *r);

/* "ok", "warn", "fail" */
const char *level_name(enum level level);

#endif
