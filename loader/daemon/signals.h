/* SPDX-License-Identifier: BSD-2-Clause */
/* The signals that the supervisor acts on, as events of its loop; blocked before and after. */
#ifndef LOADER_DAEMON_SIGNALS_H
#define LOADER_DAEMON_SIGNALS_H

#include <event2/event.h>

#define SIGNALS 5

struct signals {
	struct event *each[SIGNALS];
};

/* on_signal has the signal's number in place of a descriptor. 0, or -1 without memory: what there is then ends as all.
 */
int signals_begin(struct signals *s, struct event_base *base, event_callback_fn on_signal, void *arg);

/* Without a handler a second SIGTERM would end the process before it has put away the rest, so they are blocked first.
 * In an upgrade what comes now is the next program's. */
void signals_end(struct signals *s);

#endif
