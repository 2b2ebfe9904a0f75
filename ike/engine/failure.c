/* SPDX-License-Identifier: BSD-2-Clause */
#include "failure.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "lib/fault.h"
#include "wire/message.h"

static bool is_the_same(const struct failure *f, const uint8_t from[4], uint16_t notify, const char *what)
{
	return failure_lasts(f) && f->notify == notify && memcmp(f->from, from, 4) == 0 && strcmp(f->what, what) == 0;
}

void failure_note(struct failure *f, const uint8_t from[4], uint64_t now_ms, uint16_t notify, const char *what)
{
	char line[FAILURE_TEXT];

	snprintf(line, sizeof(line), "%s", what);
	make_one_line(line);
	if (!is_the_same(f, from, notify, line)) {
		*f = (struct failure){.notify = notify, .first_ms = now_ms};
		memcpy(f->from, from, 4);
		memcpy(f->what, line, sizeof(line));
	}
	f->tries++;
	f->last_ms = now_ms;
}

void failure_line(uint16_t notify, const char *what, char line[FAILURE_LINE])
{
	snprintf(line, FAILURE_LINE, "%s%s%s", notify ? notify_name(notify) : "", notify ? ": " : "", what);
}

cJSON *failure_json(const struct failure *f, enum failure_kind kind, uint64_t now_ms)
{
	char from[INET_ADDRSTRLEN];
	cJSON *o;

	if (!f->tries)
		return NULL;
	o = cJSON_CreateObject();
	inet_ntop(AF_INET, f->from, from, sizeof(from));
	cJSON_AddStringToObject(o, "kind", kind == FAILED ? "failed" : "refused");
	cJSON_AddStringToObject(o, "what", f->what);
	if (f->notify)
		cJSON_AddStringToObject(o, "notify", notify_name(f->notify));
	else
		cJSON_AddNullToObject(o, "notify");
	cJSON_AddStringToObject(o, "from", from);
	cJSON_AddNumberToObject(o, "tries", f->tries);
	cJSON_AddNumberToObject(o, "first_s", (double)((now_ms - f->first_ms) / 1000));
	cJSON_AddNumberToObject(o, "last_s", (double)((now_ms - f->last_ms) / 1000));
	cJSON_AddBoolToObject(o, "over", f->over);
	return o;
}

cJSON *failures_json(const struct failure of[FAILURE_KINDS], uint64_t now_ms)
{
	const bool refused_first = of[REFUSED].last_ms > of[FAILED].last_ms;
	cJSON *list = cJSON_CreateArray();

	for (int i = 0; i < FAILURE_KINDS; i++) {
		const enum failure_kind kind = (i == 0) == refused_first ? REFUSED : FAILED;
		cJSON *o = failure_json(&of[kind], kind, now_ms);

		if (o)
			cJSON_AddItemToArray(list, o);
	}
	return list;
}
