/* SPDX-License-Identifier: BSD-2-Clause */
#include "watchdog.h"

#include <errno.h>
#include <string.h>

#include "service.h"

/* Where there is no manager that has one: what the unit in packaging/ gives. */
#define PATIENCE_US 30000000
/* Rounds in the manager's patience. A child is killed after two without an answer, so there are two left for what takes
 * its place. */
#define ROUNDS	   4
#define KILL_AFTER 2

static void on_round(evutil_socket_t fd, short what, void *arg)
{
	struct watchdog *w = arg;
	const bool ike = child_has_answered(&w->ike->child, KILL_AFTER);

	(void)fd;
	(void)what;
	if (ike)
		service_notify("WATCHDOG=1");
	if (ike)
		ike_ask(w->ike);
}

int watchdog_start(struct watchdog *w, struct event_base *base, struct ike_process *ike, struct fault *f)
{
	const uint64_t managers_us = service_watchdog_us();
	const uint64_t round_us = (managers_us ? managers_us : PATIENCE_US) / ROUNDS;
	const struct timeval round = {.tv_sec = (time_t)(round_us / 1000000),
				      .tv_usec = (suseconds_t)(round_us % 1000000)};

	*w = (struct watchdog){.ike = ike};
	w->timer = event_new(base, -1, EV_PERSIST, on_round, w);
	if (!w->timer || event_add(w->timer, &round) < 0)
		return fault(f, ENOMEM, "watchdog: %s", strerror(ENOMEM));
	return 0;
}

void watchdog_stop(struct watchdog *w)
{
	if (w->timer)
		event_free(w->timer);
	w->timer = NULL;
}
