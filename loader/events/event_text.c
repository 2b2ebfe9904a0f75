/* SPDX-License-Identifier: BSD-2-Clause */
#include "event_text.h"

#include <math.h>
#include <string.h>
#include <time.h>

#include "lib/escape.h"
#include "lib/fault.h"

/* What each event has, in front of its values. */
static const char *const common[] = {"version", "time", "instance", "event", "connection", "missed"};

static bool is_common(const char *name)
{
	for (size_t i = 0; i < sizeof(common) / sizeof(common[0]); i++)
		if (strcmp(common[i], name) == 0)
			return true;
	return false;
}

static bool name_is_good(const char *name)
{
	const size_t n = name ? strlen(name) : 0;

	return n && n < EVENT_NAME_MAX && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == n &&
	       !is_common(name);
}

static const char *now_text(char buf[40])
{
	char second[24];
	struct timespec now;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(second, sizeof(second), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf, 40, "%s.%03ldZ", second, now.tv_nsec / 1000000);
	return buf;
}

static void add_text(cJSON *event, const char *name, const char *text)
{
	char line[EVENT_VALUE_MAX];

	snprintf(line, sizeof(line), "%s", text);
	make_one_line(line);
	cJSON_AddStringToObject(event, name, line);
}

static void add_value(cJSON *event, const cJSON *value)
{
	if (cJSON_IsString(value))
		add_text(event, value->string, value->valuestring);
	else if (cJSON_IsNumber(value) && isfinite(value->valuedouble))
		cJSON_AddNumberToObject(event, value->string, value->valuedouble);
	else if (cJSON_IsBool(value))
		cJSON_AddBoolToObject(event, value->string, cJSON_IsTrue(value));
}

cJSON *happening_new(enum event_kind kind, const char *instance, const char *connection, cJSON *values)
{
	cJSON *event = cJSON_CreateObject();
	const cJSON *value;
	unsigned n = 0;
	char text[40];

	cJSON_AddNumberToObject(event, "version", EVENT_VERSION);
	cJSON_AddStringToObject(event, "time", now_text(text));
	cJSON_AddStringToObject(event, "instance", instance);
	cJSON_AddStringToObject(event, "event", kinds[kind].name);
	if (connection)
		add_text(event, "connection", connection);
	cJSON_ArrayForEach(value, values)
		if (name_is_good(value->string) && !json_item(event, value->string) && n++ < EVENT_VALUES_MAX)
			add_value(event, value);
	cJSON_Delete(values);
	return event;
}

const char *event_value_text(const cJSON *value, char buf[EVENT_VALUE_MAX])
{
	if (cJSON_IsString(value))
		snprintf(buf, EVENT_VALUE_MAX, "%s", value->valuestring);
	else if (cJSON_IsNumber(value))
		snprintf(buf, EVENT_VALUE_MAX, "%.15g", value->valuedouble);
	else
		snprintf(buf, EVENT_VALUE_MAX, "%s", cJSON_IsTrue(value) ? "true" : "false");
	return buf;
}

/* What has a blank in it is quoted, for people; a peer may have chosen it, and is not to write what looks like another
 * value. */
static void append(char buf[EVENT_LINE_MAX], const cJSON *value)
{
	const size_t n = strlen(buf);
	char text[EVENT_VALUE_MAX], escaped[2 * EVENT_VALUE_MAX];
	const char *quote;

	event_value_text(value, text);
	quote = !*text || strpbrk(text, " \"=") ? "\"" : "";
	snprintf(buf + n, EVENT_LINE_MAX - n, " %s=%s%s%s", value->string, quote, *quote ? escape(text, escaped) : text,
		 quote);
}

const char *event_line(const cJSON *event, bool time, char buf[EVENT_LINE_MAX])
{
	const char *when = json_text(event, "time"), *connection = json_text(event, "connection");
	const char *what = json_text(event, "event");
	const cJSON *value;

	snprintf(buf, EVENT_LINE_MAX, "%s%s%s%s%s", time && when ? when : "", time ? " " : "",
		 connection ? connection : "", connection ? ": " : "", what ? what : "?");
	cJSON_ArrayForEach(value, event)
		if (value->string && (!is_common(value->string) || strcmp(value->string, "missed") == 0))
			append(buf, value);
	make_one_line(buf);
	return buf;
}
