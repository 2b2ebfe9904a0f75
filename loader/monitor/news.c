/* SPDX-License-Identifier: BSD-2-Clause */
#include "news.h"

#include <stdarg.h>
#include <string.h>

#include "command/connection_text.h"
#include "events/event_text.h"

void news_add(struct news *n, time_t at, enum tint tint, const char *format, ...)
{
	struct news_item *item = &n->items[n->count++ % NEWS_MAX];
	va_list args;

	item->at = at;
	item->tint = tint;
	va_start(args, format);
	vsnprintf(item->text, sizeof(item->text), format, args);
	va_end(args);
}

const struct news_item *news_get(const struct news *n, size_t age)
{
	return age < n->count && age < NEWS_MAX ? &n->items[(n->count - 1 - age) % NEWS_MAX] : NULL;
}

/* ---- events ---- */

static enum tint tint_of(enum event_kind kind)
{
	if (kind == KIND_CONNECTION_UP || kind == KIND_MONITOR_UP)
		return TINT_GOOD;
	if (kind == KINDS || kinds[kind].priority > LOG_WARNING)
		return TINT_NONE;
	return kinds[kind].priority == LOG_WARNING ? TINT_WARN : TINT_BAD;
}

void news_of_event(struct news *n, time_t at, const cJSON *event)
{
	char line[EVENT_LINE_MAX];

	news_add(n, at, tint_of(kind_find(json_text(event, "event"))), "%s", event_line(event, false, line));
}

/* ---- connections ---- */

static bool same_text(const cJSON *a, const cJSON *b, const char *name)
{
	return strcmp(text_or_dash(a, name), text_or_dash(b, name)) == 0;
}

static const cJSON *failure_of_kind(const cJSON *connection, const char *kind)
{
	const cJSON *f;

	cJSON_ArrayForEach(f, json_item(connection, "failures"))
		if (strcmp(text_or_dash(f, "kind"), kind) == 0)
			return f;
	return NULL;
}

/* Each try of a row of the same kind is one more line only where its reason is another. */
static void tell_failure(struct news *n, time_t at, const char *name, const cJSON *before, const cJSON *now)
{
	static const char *const ways[] = {"failed", "refused"};
	char text[CONNECTION_LINE];

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		const cJSON *was = failure_of_kind(before, ways[i]), *is = failure_of_kind(now, ways[i]);

		if (!is || !failure_lasts(is) || (was && failure_lasts(was) && same_text(was, is, "what")))
			continue;
		news_add(n, at, TINT_BAD, "%s: %s", name, failure_text(is, text));
	}
}

static unsigned long spi_of(const cJSON *connection, const char *list, const char *name)
{
	return (unsigned long)json_number(cJSON_GetArrayItem(json_item(connection, list), 0), name);
}

static bool is_up(const cJSON *connection)
{
	return strcmp(text_or_dash(connection, "state"), "up") == 0;
}

/* The newest SA is the first. */
static void tell_rekey(struct news *n, time_t at, const char *name, const cJSON *before, const cJSON *now)
{
	const unsigned long was = spi_of(before, "children", "spi_in"), is = spi_of(now, "children", "spi_in");

	if (is_up(before) && is_up(now) && was && is && was != is)
		news_add(n, at, TINT_NONE, "%s: has new keys", name);
}

void news_of_connection(struct news *n, time_t at, const char *name, const cJSON *before, const cJSON *now)
{
	enum tint tint, old_tint;
	const char *is = connection_state(now, &tint);

	if (!before)
		return;
	if (strcmp(connection_state(before, &old_tint), is) != 0)
		news_add(n, at, tint, "%s: %s, was %s", name, is, connection_state(before, &old_tint));
	tell_rekey(n, at, name, before, now);
	tell_failure(n, at, name, before, now);
	if (json_text(now, "note") && !json_text(before, "note"))
		news_add(n, at, TINT_WARN, "%s: %s", name, json_text(now, "note"));
}

/* ---- the daemon ---- */

static void tell_process(struct news *n, time_t at, const char *what, const cJSON *before, const cJSON *now)
{
	const double was = json_number(before, "pid"), is = json_number(now, "pid");

	if (was == is)
		return;
	if (is > 0)
		news_add(n, at, was > 0 ? TINT_WARN : TINT_GOOD, "%s has started, pid %.0f%s", what, is,
			 was > 0 ? ": another than before" : "");
	else
		news_add(n, at, TINT_BAD, "%s has ended, it was pid %.0f", what, was);
}

void news_of_daemon(struct news *n, time_t at, const cJSON *before, const cJSON *now)
{
	if (!now) {
		if (before)
			news_add(n, at, TINT_BAD, "the daemon has ended, it was pid %.0f", json_number(before, "pid"));
		return;
	}
	tell_process(n, at, "the daemon", before, now);
}

void news_of_processes(struct news *n, time_t at, const cJSON *before, const cJSON *now)
{
	if (!now)
		return;
	tell_process(n, at, "the worker", json_item(before, "worker"), json_item(now, "worker"));
	tell_process(n, at, "IKE", json_item(before, "ike"), json_item(now, "ike"));
}
