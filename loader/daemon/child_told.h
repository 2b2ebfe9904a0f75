/* SPDX-License-Identifier: BSD-2-Clause */
/* That a child process has started or died, as events. */
#ifndef LOADER_DAEMON_CHILD_TOLD_H
#define LOADER_DAEMON_CHILD_TOLD_H

#include "events/events.h"
#include "lib/child.h"

/* With its pid, and how often it was started again. */
void child_tell_started(const struct child *child, enum event_kind kind);

/* With "signal" or "status", of child->status. */
void child_tell_death(const struct child *child, enum event_kind kind);

#endif
