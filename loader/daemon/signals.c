/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "signals.h"

#include <signal.h>

static const int numbers[SIGNALS] = {SIGTERM, SIGINT, SIGUSR2, SIGHUP, SIGCHLD};

/* how: as sigprocmask() has it. */
static void mask(int how)
{
	sigset_t ours;

	sigemptyset(&ours);
	for (size_t i = 0; i < SIGNALS; i++)
		sigaddset(&ours, numbers[i]);
	sigprocmask(how, &ours, NULL);
}

int signals_begin(struct signals *s, struct event_base *base, event_callback_fn on_signal, void *arg)
{
	for (size_t i = 0; i < SIGNALS; i++) {
		s->each[i] = evsignal_new(base, numbers[i], on_signal, arg);
		if (!s->each[i] || event_add(s->each[i], NULL) < 0)
			return -1;
	}
	signal(SIGPIPE, SIG_IGN);
	mask(SIG_UNBLOCK);
	return 0;
}

void signals_end(struct signals *s)
{
	mask(SIG_BLOCK);
	for (size_t i = 0; i < SIGNALS; i++)
		if (s->each[i])
			event_free(s->each[i]);
}
