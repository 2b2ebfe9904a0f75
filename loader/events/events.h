/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What happens, told to who wants to hear it: 'events' (feed.h), the journal (journal.h), a script (script.h). One of
 * it for a process, as the log is, so that whatever sees something happen can tell:
 *
 *   IKE ─► ike_told ─┐                             ┌─► readers of 'events'
 *   BPF ─► acquire.. ├─► events_tell ─► its rate ──┼─► journald
 *   NICs, children ──┘                             └─► event-script
 *
 * Nothing here waits for anybody, and no key is in an event.
 */
#ifndef LOADER_EVENTS_EVENTS_H
#define LOADER_EVENTS_EVENTS_H

#include "feed.h"
#include "kinds.h"

/*
 * Tells that it has happened. connection: its name, or NULL. values: what there is to say, flat (event_text.h), or
 * NULL; deleted. Before events_start() nobody hears it. Of what others can cause only so much is told; how many were
 * not is "suppressed" in the next one of the kind.
 */
void events_tell(enum event_kind kind, const char *connection, cJSON *values);

/* The same with one text. */
void events_tell_text(enum event_kind kind, const char *connection, const char *name, const char *text);

/* script: event-script, or "", where it stays and may change. instance stays the caller's. 0 or -ENOMEM. */
int events_start(struct event_base *base, const char *instance, const char *script);

/* Whether anybody would hear: to find out what nobody wants to know can be left. */
bool events_are_heard(void);

/* As feed_join(). */
int events_join(int socket, struct feed_reader **reader, struct fault *f);

/* A child has ended (SIGCHLD). */
void events_reap(void);

/* Safe without events_start(). */
void events_stop(void);

#endif
