/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who hears events over a socket, one JSON object in a packet. Nobody waits for a reader: what it does not take, when
 * its socket's buffer is full, it misses, and is told how many those were as soon as it reads again, by an event
 * "missed" with "count".
 */
#ifndef LOADER_EVENTS_FEED_H
#define LOADER_EVENTS_FEED_H

#include <event2/event.h>

#include "lib/fault.h"
#include "lib/json.h"

/* At a time: more is a leak of somebody's, and would keep commands from the control socket. */
#define FEED_READERS_MAX 16

struct feed_reader {
	int fd; /* -1: nobody */
	struct event *writable;
	unsigned missed;
	struct feed *feed;
};

struct feed {
	struct event_base *base;
	const char *instance;
	struct feed_reader readers[FEED_READERS_MAX];
};

void feed_init(struct feed *feed, struct event_base *base, const char *instance);

/* From now on the socket gets events; it stays the caller's, and open until feed_leave(). 0 or -errno. */
int feed_join(struct feed *feed, int socket, struct feed_reader **reader, struct fault *f);

/* arg: the struct feed_reader. */
void feed_leave(void *arg);

bool feed_has_readers(const struct feed *feed);

void feed_send(struct feed *feed, const cJSON *event);

/* Safe on a zeroed struct; who is still there gets nothing more. */
void feed_stop(struct feed *feed);

#endif
