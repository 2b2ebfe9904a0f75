/* SPDX-License-Identifier: BSD-2-Clause */
/* The worker as a child (lib/child.h), started anew with the NICs that there are. */
#ifndef LOADER_DAEMON_WORKER_PROCESS_H
#define LOADER_DAEMON_WORKER_PROCESS_H

#include "lib/child.h"
#include "maps/layout.h"

struct worker_port {
	unsigned index; /* in ports */
	int tap_fd;
};

struct worker {
	struct event_base *base;
	const char *instance;
	const char *bpf_dir; /* where its maps are */
	const char *aead_option;
	int vault_fd;
	struct turns *turns;	     /* of the maps: a worker that has ended is in no turn any more. NULL: no maps */
	void (*on_ready)(void *arg); /* each time it has bound its sockets */
	void *arg;

	struct child child;
	bool wanted;   /* to be started again when it dies */
	char aead[16]; /* what it has chosen; "" until it is ready */
	struct worker_port ports[PORTS_MAX];
	unsigned port_count;
};

/* Prepares; starts nothing. 0 or -ENOMEM. The fields up to arg are the caller's. */
int worker_init(struct worker *w);

/* Stops it if it runs, and starts it with these ports; without a port there is none. */
void worker_run(struct worker *w, const struct worker_port *ports, unsigned count);

/* Stops it and waits: SIGTERM, after two seconds SIGKILL. */
void worker_stop(struct worker *w);

/* A child has ended (SIGCHLD): if it was the worker, it will be started again. */
void worker_reap(struct worker *w);

/* Stops it and frees what worker_init made. */
void worker_fini(struct worker *w);

#endif
