/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The administrator's program, run for each event (event-script), one after the other, since who hears of "up" and
 * "down" has to hear them in that order. Nobody waits for it: events that come meanwhile wait here, up to
 * SCRIPT_QUEUE_MAX, and what is beyond is missed, counted and told to the next run.
 *
 * It runs as root and unsandboxed, on values of which a remote host has chosen some. So it is run without a shell, its
 * arguments and the names in its environment are ours alone, the values are cleaned (event_text.h), and it has no
 * descriptor and nothing of the environment of this process.
 */
#ifndef LOADER_EVENTS_SCRIPT_H
#define LOADER_EVENTS_SCRIPT_H

#include <event2/event.h>
#include <sys/types.h>

#include "lib/json.h"
#include "lib/log.h"

#define SCRIPT_QUEUE_MAX 64
/* What others can cause has this much of the queue, so that they push nothing else out. */
#define SCRIPT_QUEUE_OTHERS 32
/* Longer is a hang, and is killed, with all that it has started. */
#define SCRIPT_SECONDS 10

struct script {
	const char *path; /* "": none; the caller's, and may change between runs */
	struct event *late;
	struct timeval patience; /* SCRIPT_SECONDS */
	cJSON *queue[SCRIPT_QUEUE_MAX];
	unsigned count;
	unsigned missed; /* since the last run */
	pid_t pid;	 /* 0: does not run */
	char event[32];	 /* that it runs for */
	struct log_limit limit;
};

/* 0 or -ENOMEM. */
int script_init(struct script *s, struct event_base *base, const char *path);

/* Has it run for the event, now or when those before are done. */
void script_run(struct script *s, const cJSON *event);

/* A child has ended (SIGCHLD): if it was this one, the next event's turn comes. */
void script_reap(struct script *s);

/* Ends it, and forgets what waits. Safe on a zeroed struct. */
void script_stop(struct script *s);

#endif
