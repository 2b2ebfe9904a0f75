/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The service manager's watchdog: it hears "WATCHDOG=1" as long as this process has turns, and its children answer. A
 * child that does not is killed before the manager loses patience: another one goes on with its SAs, which costs less
 * than a restart of everything. So the manager acts only where this process itself hangs, or a child cannot be ended.
 *
 *   each quarter of its patience: all have answered, or are just being started ─► WATCHDOG=1, and they are asked anew
 *   a child that has not answered for a half ─► SIGKILL
 *
 * Where there is no manager, or it has no watchdog, the children are asked all the same: one that hangs makes no new
 * keys, and everything would end with the SAs that there are.
 */
#ifndef LOADER_DAEMON_WATCHDOG_H
#define LOADER_DAEMON_WATCHDOG_H

#include "ike_process.h"

struct watchdog {
	struct ike_process *ike;
	struct event *timer;
};

/* Begins. IKE stays the caller's, and has to be there until it is stopped. 0 or -ENOMEM.
 */
int watchdog_start(struct watchdog *w, struct event_base *base, struct ike_process *ike, struct fault *f);

/* Safe where it was not started. */
void watchdog_stop(struct watchdog *w);

#endif
