/* SPDX-License-Identifier: BSD-2-Clause */
/* What has happened lately, the latest first. */
#ifndef LOADER_MONITOR_NEWS_H
#define LOADER_MONITOR_NEWS_H

#include <stddef.h>
#include <time.h>

#include "command/screen.h"
#include "lib/json.h"

/* More than the tallest screen shows. */
#define NEWS_MAX  100
#define NEWS_TEXT 400

struct news_item {
	time_t at;
	enum tint tint;
	char text[NEWS_TEXT];
};

struct news {
	struct news_item items[NEWS_MAX];
	size_t count; /* that there ever were */
};

void news_add(struct news *n, time_t at, enum tint tint, const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The latest is 0; NULL: there is none so old. */
const struct news_item *news_get(const struct news *n, size_t age);

/* What the daemon has told, as 'events' prints it. */
void news_of_event(struct news *n, time_t at, const cJSON *event);

/* What is different of a connection, as connections_json() has it; before NULL: it is new here. name: what it is
 * called.
 */
void news_of_connection(struct news *n, time_t at, const char *name, const cJSON *before, const cJSON *now);

/* Whether there is another daemon, or none (NULL), as its answer to 'status' tells; and what is different of its
 * processes. */
void news_of_daemon(struct news *n, time_t at, const cJSON *before, const cJSON *now);
void news_of_processes(struct news *n, time_t at, const cJSON *before, const cJSON *now);

#endif
