/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The worker as a child (lib/child.h), and the NICs that it serves. There is a worker as long as there is a NIC for it.
 * NICs come and go while it serves the others; one that starts, again or for the first time, is given all of them.
 *
 *   NIC:  PORT_OFF ─► PORT_WAITS ─► PORT_ASKED ─► PORT_ON       all back to PORT_WAITS when the worker dies
 *                         └─────◄ PORT_FAILED ◄─┘               when it cannot be served, which keeps no other waiting
 */
#ifndef LOADER_DAEMON_WORKER_PROCESS_H
#define LOADER_DAEMON_WORKER_PROCESS_H

#include "attach/tap.h"
#include "left.h"
#include "lib/child.h"
#include "maps/maps.h"
#include "worker_before.h"
#include "worker_sockets.h"

/* What there is of a NIC for it. The TAP and its link stay the caller's, and open until the NIC is detached. */
struct worker_nic {
	const struct tap *tap;
	const int *tap_link; /* what holds the program on the TAP; -1: it needs nothing */
	unsigned queues;     /* to be served; QUEUES_MAX at most */
	bool running;	     /* it has a link */
};

struct worker_port {
	enum {
		PORT_OFF,
		PORT_WAITS,  /* the worker is to be asked to serve it */
		PORT_ASKED,  /* its sockets are on their way */
		PORT_FAILED, /* it cannot be served; it is tried again, when others have been */
		PORT_ON,
	} state;
	struct worker_nic nic;	       /* queues: never what ports says, which is the worker's to write, too */
	bool copy;		       /* zero-copy did not work */
	bool tried;		       /* there was a link to try it by */
	bool resume;		       /* the sockets are those of the worker before, and to be gone on with */
	bool kept;		       /* the service manager has what is of it */
	char why[256];		       /* it cannot be served, as was said last */
	struct worker_sockets sockets; /* while PORT_ASKED or PORT_ON, or with resume */
};

struct worker {
	struct event_base *base;
	const char *instance;
	const char *run_dir; /* where it is written down; NULL: nowhere, and it ends with this process */
	const char *bpf_dir; /* where its maps are */
	const char *aead_option;
	bool low_latency;
	unsigned lanes;	  /* 0: as many as there are CPUs for them */
	const char *cpus; /* a list of them; "": any */
	bool manager;	  /* keeps descriptors for the next supervisor */
	int vault_fd;
	int capture_fd; /* the memory that packets are captured in; -1: none are */
	struct maps *maps;
	void (*on_ready)(void *arg); /* each time it serves all NICs that it is to serve */
	void *arg;

	struct child child;
	struct worker_before before; /* whose place it is to take */
	char aead[16];		     /* what it has chosen; "" until it listens */
	unsigned lane_count;
	int orders; /* to it, or -1 */
	bool kept;  /* the service manager has them, too */
	struct event *answers;
	struct event *patience; /* with who does not answer */
	struct event *retry;	/* of PORT_FAILED */
	struct event *pulse;
	unsigned retry_ms;
	bool detached; /* it has said so */
	bool told;     /* that it is ready, since there was a NIC that it did not serve */
	struct worker_port ports[PORTS_MAX];
};

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

/* Whether it is to serve any NIC; whether it serves all of them that it is to serve. */
bool worker_is_wanted(const struct worker *w);
bool worker_is_ready(const struct worker *w);

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
