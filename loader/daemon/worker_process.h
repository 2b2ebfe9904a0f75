/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The worker as a child (lib/child.h), and the NICs that it serves. There is a worker as long as there is a NIC for it.
 * NICs come and go while it serves the others; one that starts, again or for the first time, is given all of them.
 *
 *   NIC:  PORT_OFF ─► PORT_WAITS ─► PORT_ASKED ─► PORT_ON       back to PORT_WAITS when the worker dies or cannot
 */
#ifndef LOADER_DAEMON_WORKER_PROCESS_H
#define LOADER_DAEMON_WORKER_PROCESS_H

#include "attach/tap.h"
#include "lib/child.h"
#include "maps/maps.h"

struct worker_port {
	enum {
		PORT_OFF,
		PORT_WAITS, /* the worker is to be asked to serve it */
		PORT_ASKED, /* its sockets are on their way */
		PORT_ON,
	} state;
	const struct tap *tap; /* the NIC's */
	unsigned queues;       /* that it serves; never what ports says, which is the worker's to write, too */
	bool running;	       /* it has a link */
	bool copy;	       /* zero-copy did not work */
	int sockets[QUEUES_MAX];
	unsigned socket_count; /* that are open here: while PORT_ASKED */
};

struct worker {
	struct event_base *base;
	const char *instance;
	const char *bpf_dir; /* where its maps are */
	const char *aead_option;
	bool low_latency;
	unsigned lanes;	  /* 0: as many as there are CPUs for them */
	const char *cpus; /* a list of them; "": any */
	int vault_fd;
	int capture_fd; /* the memory that packets are captured in; -1: none are */
	struct maps *maps;
	void (*on_ready)(void *arg); /* each time it serves all NICs that it is to serve */
	void *arg;

	struct child child;
	char aead[16]; /* what it has chosen; "" until it listens */
	unsigned lane_count;
	int orders; /* to it, or -1 */
	struct event *answers;
	struct event *retry;
	unsigned retry_ms;
	bool detached; /* it has said so */
	bool told;     /* that it is ready, since there was a NIC that it did not serve */
	struct worker_port ports[PORTS_MAX];
};

/* Prepares; starts nothing. 0 or -ENOMEM. The fields up to arg are the caller's. */
int worker_init(struct worker *w);

/* Has it serve so many queues, QUEUES_MAX at most, of the NIC with that index in ports, which has to be complete there;
 * starts it if it does not run. The TAP stays the caller's, and open until the NIC is detached. running: the NIC has a
 * link. */
void worker_attach(struct worker *w, unsigned index, const struct tap *tap, unsigned queues, bool running);

/* Has it let go of the NIC, and waits: nothing holds its sockets and TAP any more then but the caller. */
void worker_detach(struct worker *w, unsigned index);

/* Has it, and the next one if it dies, capture packets in that memory, whose descriptor stays the caller's; -1: no
 * more. Does not wait. */
void worker_capture(struct worker *w, int fd);

/* Whether it is to serve any NIC; whether it serves all of them that it is to serve. */
bool worker_is_wanted(const struct worker *w);
bool worker_is_ready(const struct worker *w);

/* A child has ended (SIGCHLD): if it was the worker, it will be started again. */
void worker_reap(struct worker *w);

/* Stops it and waits: SIGTERM, after two seconds SIGKILL. Frees what worker_init made. */
void worker_fini(struct worker *w);

#endif
