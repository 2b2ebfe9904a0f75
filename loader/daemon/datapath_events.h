/* SPDX-License-Identifier: BSD-2-Clause */
/* The events of the BPF programs (map `events`): read from the ring buffer, handed on, and logged where nobody takes
 * them. */
#ifndef LOADER_DAEMON_DATAPATH_EVENTS_H
#define LOADER_DAEMON_DATAPATH_EVENTS_H

#include <event2/event.h>
#include <stdbool.h>

#include "config/config.h"
#include "lib/log.h"
#include "maps/maps.h"

struct datapath_events {
	struct ring_buffer *ring;
	struct event *readable;
	struct log_limit limit;
	const struct config *config; /* whose connections are named; NULL: none are */
	unsigned budget;	     /* events that may yet be taken in this turn of the loop */
	/* Sees each event first. True: it is taken care of, and needs no line in the log. */
	bool (*on_event)(void *arg, const struct event *e);
	void *arg;
};

/* Listens to the instance's ring buffer. on_event and arg are the caller's. 0 or -errno. */
int datapath_events_start(struct datapath_events *events, struct event_base *base, const struct maps *maps,
			  struct fault *f);

/* Safe on a zeroed struct. */
void datapath_events_stop(struct datapath_events *events);

#endif
