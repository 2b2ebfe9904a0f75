/* SPDX-License-Identifier: BSD-2-Clause */
#include "expiry.h"

#include <string.h>
#include <time.h>

#include "config/file_times.h"

#define DAY_MS 86400000

static int64_t wall_of(const struct engine *e)
{
	return e->ops.wall_s(e->ops.arg);
}

/* Whether that file of the connection is to be renewed; f says why. */
static bool ends_soon(const struct connection *c, enum dated_file file, struct file_times *t, struct fault *f)
{
	const int64_t now = wall_of(c->engine);

	if (!file_times(c->config, file, t) || !file_ends_soon(file, t, now))
		return false;
	file_end_tell(file, t, now, f);
	return true;
}

static void add_time(cJSON *values, const char *name, int64_t seconds)
{
	const time_t t = (time_t)seconds;
	char text[32];
	struct tm tm;

	if (gmtime_r(&t, &tm) && strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		cJSON_AddStringToObject(values, name, text);
}

static void tell(const struct connection *c, enum dated_file file, const struct file_times *t, const struct fault *f)
{
	cJSON *values = cJSON_CreateObject();

	cJSON_AddStringToObject(values, "file", dated_file_name(file));
	add_time(values, "ends", t->end);
	cJSON_AddNumberToObject(values, "days_left", file_days_left(t, wall_of(c->engine)));
	cJSON_AddStringToObject(values, "what", f->text);
	engine_tell(c->engine, false, "certificate_ends", c->config->name, values);
}

void expiry_tell(const struct connection *c)
{
	struct file_times t;
	struct fault f;

	for (enum dated_file file = 0; file < DATED_FILES; file++)
		if (ends_soon(c, file, &t, &f))
			tell(c, file, &t, &f);
}

static void log_again(const struct connection *c)
{
	struct file_times t;
	struct fault f;

	for (enum dated_file file = 0; file < DATED_FILES; file++)
		if (ends_soon(c, file, &t, &f))
			engine_log(c->engine, LINE_OF_FAILURE, "%s: %s", c->config->name, f.text);
}

void expiry_watch(struct engine *e)
{
	const struct connection *c;

	if (timer_is_set(&e->day))
		return;
	TAILQ_FOREACH(c, &e->connections, of_engine)
		if (!c->gone && c->config->cert) {
			timer_set(&e->timers, &e->day, engine_now(e) + DAY_MS);
			return;
		}
}

void expiry_on_day(struct timer *timer)
{
	struct engine *e = container_of(timer, struct engine, day);
	const struct connection *c;

	TAILQ_FOREACH(c, &e->connections, of_engine)
		if (!c->gone) {
			log_again(c);
			expiry_tell(c);
		}
	expiry_watch(e);
}
