/* SPDX-License-Identifier: BSD-2-Clause */
/* Who has a turn, and when to sleep. */
#ifndef WORKER_LOOP_H
#define WORKER_LOOP_H

#include <signal.h>

#include "port.h"

/* Moves packets on all ports until *stop is set by a signal handler. Call with that signal blocked. */
void loop_run(struct worker *w, struct port_state *ports, uint32_t count, const volatile sig_atomic_t *stop);

#endif
