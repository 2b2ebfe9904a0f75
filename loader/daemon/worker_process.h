/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The worker as a child (lib/child.h), and the NICs that it serves (worker_nics.h). There is a worker as long as there
 * is a NIC for it. NICs come and go while it serves the others; one that starts, again or for the first time, is given
 * all of them.
 */
#ifndef LOADER_DAEMON_WORKER_PROCESS_H
#define LOADER_DAEMON_WORKER_PROCESS_H

#include "worker_nics.h"

/* Prepares; starts nothing. 0 or -ENOMEM. The fields up to arg are the caller's. */
int worker_init(struct worker *w);

/* Has it serve the NIC with that index in ports, which has to be complete there; starts it if it does not run. */
void worker_attach(struct worker *w, unsigned index, const struct worker_nic *nic);

/* Has it let go of the NIC, and waits: nothing holds its sockets and TAP any more then but the caller. */
void worker_detach(struct worker *w, unsigned index);

/* The NIC has a link, or none any more. Whether it is served by zero-copy that has not been tried, for want of a link,
 * and can be now: by worker_detach() and worker_attach(). */
bool worker_on_link(struct worker *w, unsigned index, bool running);

/* Has it, and the next one if it dies, capture packets in that memory, whose descriptor stays the caller's; -1: no
 * more. Does not wait. */
void worker_capture(struct worker *w, int fd);

/*
 * From one supervisor to the next (left.h): the worker serves its NICs all the while, as the next one's `before`, until
 * the next worker is ready to go on with the same sockets and memory.
 */

/* Leaves the worker as it is, which is not ended; one that serves no NIC yet is. left is told of what is the
 * worker's, and stays that. Of w nothing but worker_fini's memory is of use then. */
void worker_leave(struct worker *w, left_fn *left, void *arg);

/* The worker that was left, whose orders are taken over, has the place that this one's is to take. 0; -errno: it has
 * ended, and nothing of it can be gone on with. */
int worker_follow(struct worker *w, pid_t pid, int orders);

/* What was left of the NIC with that index, which are the worker's from then on. Before worker_attach(). */
void worker_inherit(struct worker *w, unsigned index, const struct worker_sockets *sockets);

/* A child has ended (SIGCHLD): if it was the worker, it will be started again. */
void worker_reap(struct worker *w);

/* Stops it and waits: SIGTERM, after two seconds SIGKILL. Frees what worker_init made. */
void worker_fini(struct worker *w);

#endif
