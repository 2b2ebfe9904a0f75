/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The worker's NICs: which it is asked for, what it answers, and what becomes of those that it cannot serve.
 *
 *   NIC:  PORT_OFF ─► PORT_WAITS ─► PORT_ASKED ─► PORT_ON       all back to PORT_WAITS when the worker dies
 *                         └─────◄ PORT_FAILED ◄─┘               when it cannot be served, which keeps no other waiting
 */
#ifndef LOADER_DAEMON_WORKER_NICS_H
#define LOADER_DAEMON_WORKER_NICS_H

#include "attach/tap.h"
#include "left.h"
#include "lib/child.h"
#include "lib/log.h"
#include "maps/maps.h"
#include "maps/worker_channel.h"
#include "worker_before.h"
#include "worker_sockets.h"

/* Binding waits for a worker that has just died, for two seconds a queue at most. Longer, and the worker hangs; so it
 * does if it does not say by then that it listens. */
#define WORKER_ANSWER_S 30

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
	bool detached;		     /* it has said so */
	bool told;		     /* that it is ready, since there was a NIC that it did not serve */
	struct log_limit complaints; /* of its own making */
	struct worker_port ports[PORTS_MAX];
};

/* Whether it is to serve any NIC; whether it serves all of them that it is to serve. */
bool worker_is_wanted(const struct worker *w);
bool worker_is_ready(const struct worker *w);

/* ---- for worker_process.c ---- */

/* 0 or -ENOMEM. */
int worker_nics_init(struct worker *w);

/* Gives up all of them; safe after an error of worker_nics_init. */
void worker_nics_fini(struct worker *w);

/* To be printed by %.15s. */
const char *worker_nic_name(const struct worker *w, unsigned index);

/* Asks for the next NIC that waits: one at a time, so that nothing here waits for the worker. */
void worker_nics_ask(struct worker *w);

/* Whether an answer is awaited. */
bool worker_nics_is_asking(const struct worker *w);

/* The worker has until WORKER_ANSWER_S from now. */
void worker_be_patient(struct worker *w);

/* What it has answered to WORKER_ATTACH. */
void worker_nics_attached(struct worker *w, const struct worker_answer *answer);

/* Says so, once, if it serves all that it is to serve. */
void worker_nics_tell_ready(struct worker *w);

/* Sockets and memory that no worker goes on with; and with the NIC's TAP, what the service manager has of it. */
void worker_nic_give_up_sockets(struct worker *w, unsigned index);
void worker_nic_give_up(struct worker *w, unsigned index);

#endif
