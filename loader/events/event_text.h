/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An event as an object, flat, and its values as text. What a remote host has said may be in it: every text is one line
 * of UTF-8 without control characters, and short; every name is ours to begin with.
 */
#ifndef LOADER_EVENTS_EVENT_TEXT_H
#define LOADER_EVENTS_EVENT_TEXT_H

#include "kinds.h"
#include "lib/json.h"

/* The number in "version"; another one when a name is gone or means something else. */
#define EVENT_VERSION 1

/* Bytes of a value's text, of a name, their NULs included; and how many values an event has at most, beside those that
 * each has. */
#define EVENT_VALUE_MAX	 400
#define EVENT_NAME_MAX	 32
#define EVENT_VALUES_MAX 24
#define EVENT_LINE_MAX	 1200

/*
 * {"version", "time", "instance", "event", "connection" unless NULL, and the values}: the caller's to delete. values
 * are texts, numbers and booleans, and deleted; what is anything else, or has a name of those in front or one that is
 * none
 * ([a-z0-9_]), is left out. time is now, "2026-11-29T09:22:33.123Z".
 */
cJSON *happening_new(enum event_kind kind, const char *instance, const char *connection, cJSON *values);

/* Writes the value as text, "true" or "false" for a boolean. Returns buf. */
const char *event_value_text(const cJSON *value, char buf[EVENT_VALUE_MAX]);

/* One line for people, "core: connection_up peer=192.0.2.2", with the time in front if that is wanted. Returns buf. */
const char *event_line(const cJSON *event, bool time, char buf[EVENT_LINE_MAX]);

#endif
