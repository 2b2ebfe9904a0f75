/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The worker of the supervisor before, which goes on until the next worker is ready. Then it is told to leave: it
 * finishes what is half done, lets go of its NICs, answers and ends. One that does not is killed.
 */
#ifndef LOADER_DAEMON_WORKER_BEFORE_H
#define LOADER_DAEMON_WORKER_BEFORE_H

#include <event2/event.h>
#include <stdbool.h>
#include <sys/types.h>

struct worker_before {
	struct event_base *base;
	void (*on_gone)(void *arg); /* it holds no NIC any more */
	void *arg;
	pid_t pid;  /* 0: it has ended, or never was */
	int end;    /* pidfd: whose child it is, is left open */
	int orders; /* to it; -1: it has let go of its NICs */
	bool hard;  /* it did not let go by itself */
	struct event *ended;
	struct event *answer;
	struct event *patience;
};

/* There is none. */
void worker_before_init(struct worker_before *b, struct event_base *base, void (*on_gone)(void *arg), void *arg);

/* There is this one, a child of this process or of one that is no more. orders is taken over. 0 or -errno: it has ended
 * meanwhile, or cannot be watched, and orders is closed. */
int worker_before_is(struct worker_before *b, pid_t pid, int orders);

/* Whether nothing of it holds a NIC. */
bool worker_before_is_gone(const struct worker_before *b);

/* Tells it to leave; on_gone follows in any case. */
void worker_before_end(struct worker_before *b);

/* Ends it at once, and waits. Safe where there is none. */
void worker_before_kill(struct worker_before *b);

#endif
