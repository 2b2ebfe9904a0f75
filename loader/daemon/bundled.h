/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What thousands may ask for one after the other, and is the same for all of them: for the first at once, for those who
 * ask within a twentieth of a second of that once more, together.
 */
#ifndef LOADER_DAEMON_BUNDLED_H
#define LOADER_DAEMON_BUNDLED_H

#include <event2/event.h>
#include <stdbool.h>

struct bundled {
	void (*act)(void *arg);
	void *arg;

	struct event *pause; /* pending: it was done just now, */
	bool wanted;	     /* and is to be once more */
};

/* act and arg are set, all else is zero. 0, or -1 without memory. */
int bundled_start(struct bundled *b, struct event_base *base);
void bundled_ask(struct bundled *b);
/* Also of one that was never started. */
void bundled_stop(struct bundled *b);

#endif
