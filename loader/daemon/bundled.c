/* SPDX-License-Identifier: BSD-2-Clause */
#include "bundled.h"

void bundled_ask(struct bundled *b)
{
	static const struct timeval soon = {.tv_usec = 50000};

	b->wanted = event_pending(b->pause, EV_TIMEOUT, NULL);
	if (b->wanted)
		return;
	b->act(b->arg);
	event_add(b->pause, &soon);
}

static void on_pause_over(evutil_socket_t fd, short what, void *arg)
{
	struct bundled *b = arg;

	(void)fd;
	(void)what;
	if (b->wanted)
		bundled_ask(b);
}

int bundled_start(struct bundled *b, struct event_base *base)
{
	b->pause = event_new(base, -1, 0, on_pause_over, b);
	return b->pause ? 0 : -1;
}

void bundled_stop(struct bundled *b)
{
	if (b->pause)
		event_free(b->pause);
	b->pause = NULL;
}
