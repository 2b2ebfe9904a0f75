/* SPDX-License-Identifier: BSD-2-Clause */
/* The protocol process: an engine, its sockets, its SAs, its supervisor. */
#ifndef IKE_DAEMON_DAEMON_H
#define IKE_DAEMON_DAEMON_H

#include <event2/event.h>

#include "engine/engine.h"
#include "sad.h"
#include "socket.h"

struct ike_daemon {
	struct engine *engine;
	struct sad_store sad;
	struct ike_sockets sockets;
	struct keyholder_client *keys;
	int control;
	struct event_base *base;
	struct event *tick;
	struct event *on_500, *on_4500, *on_order, *on_keyholder, *watch;
	int keylog, esp_keylog; /* open files for keys of IKE and ESP, if the configuration file allows it; else -1 */
	uint64_t log_second;
	unsigned log_lines;
};

/* Makes the engine and the loop around what is open already: maps, sockets, the end of the key holder's socket and the
 * page shared with it (keyholder.h). 0 or -errno. */
int daemon_init(struct ike_daemon *d, int questions, uint8_t *keymat, struct fault *f);

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

/* An SA with SA_GRE has come or gone: who of a mesh gets multicast is another question now. */
void control_gre_changed(struct ike_daemon *d);

#endif
