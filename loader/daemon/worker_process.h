/* SPDX-License-Identifier: BSD-2-Clause */
/* The worker as a child: started with what it needs, started again when it dies, later each time it dies soon. */
#ifndef LOADER_WORKER_PROCESS_H
#define LOADER_WORKER_PROCESS_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

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

	pid_t pid;	   /* 0: not running */
	bool wanted;	   /* to be started again when it dies */
	unsigned restarts; /* after deaths, not after changes of ports */
	char aead[16];	   /* what it has chosen; "" until it is ready */
	struct worker_port ports[PORTS_MAX];
	unsigned port_count;
	unsigned backoff_ms;
	uint64_t started_ns;
	int ready_fd;
	struct event *ready;
	struct event *again;
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
