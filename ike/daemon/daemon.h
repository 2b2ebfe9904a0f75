/* SPDX-License-Identifier: BSD-2-Clause */
/* The protocol process: an engine, its sockets, its SAs, its supervisor. */
#ifndef IKE_DAEMON_DAEMON_H
#define IKE_DAEMON_DAEMON_H

#include <event2/event.h>

#include "engine/engine.h"
#include "hands/crew.h"
#include "lib/log.h"
#include "sad.h"
#include "socket.h"

struct ike_daemon {
	struct engine *engine;
	struct sad_store sad;
	struct file_store *files; /* of certificates, as the supervisor sends them */
	struct ike_sockets sockets;
	struct keyholder_client *keys;
	struct crew *hands, *signers;
	int control;
	struct event_base *base;
	struct event *tick;
	struct event *on_500, *on_4500, *on_order, *on_keyholder, *on_hands, *on_signers, *watch;
	int keylog, esp_keylog;	  /* open files for keys of IKE and ESP, if the configuration file allows it; else -1 */
	bool keylog_fails;	  /* what was last to be written there could not, and that is told */
	cJSON *changes;		  /* while a configuration is taken: what is another than before (control_changed) */
	enum log_level log_level; /* the supervisor's */
	uint64_t log_second;
	unsigned log_lines;
	uint64_t told_second;
	unsigned told;	    /* events in it that others can cause */
	unsigned told_lost; /* events that were not told, since one was */
};

/* Its ends of what leads to the other two processes. */
struct daemon_ends {
	int questions;	  /* to the key holder, */
	uint8_t *keymat;  /* the page that is shared with it (keyholder.h), */
	int signatures;	  /* and to its threads that sign */
	int jobs;	  /* to the hands */
	unsigned threads; /* of each */
};

/* Makes the engine and the loop around what is open already: maps, sockets, these ends. 0 or -errno. */
int daemon_init(struct ike_daemon *d, const struct daemon_ends *ends, struct fault *f);

/*
 * From here on peers are answered: once there is a configuration. Who asks before waits in the socket's buffer; an
 * answer of "no such connection" would make it give up. 0 or -errno; nothing happens the second time.
 */
int daemon_listen(struct ike_daemon *d, struct fault *f);

/* Runs until SIGTERM, or until the supervisor is gone. */
void daemon_run(struct ike_daemon *d);

/* Does what is due, and sets the timer for what comes next: after everything that reached the engine. */
void daemon_settle(struct ike_daemon *d);

/* ---- control.c: the supervisor's messages ---- */

/* Reads one and does it. False: the supervisor is gone. */
bool control_handle(struct ike_daemon *d);

/* An order has come to its end. */
void control_done(struct ike_daemon *d, uint64_t ticket, const char *error);

/* An event, by engine_ops.tell; lost: how many before it were not told. False: the supervisor does not read, and it is
 * lost, too. values are deleted. */
bool control_tell(struct ike_daemon *d, const char *event, const char *connection, cJSON *values, unsigned lost);

/* A connection is another than before. how: a word for it. */
void control_changed(struct ike_daemon *d, const char *name, const char *how);

/* An SA with SA_GRE has come or gone: who of a mesh gets multicast is another question now. */
void control_gre_changed(struct ike_daemon *d);

#endif
