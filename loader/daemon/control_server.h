/* SPDX-License-Identifier: BSD-2-Clause */
/* The supervisor's side of the control socket. Only root may ask. */
#ifndef LOADER_DAEMON_CONTROL_SERVER_H
#define LOADER_DAEMON_CONTROL_SERVER_H

#include <event2/event.h>
#include <stdint.h>

#include "instance/control.h"
#include "lib/fault.h"

/*
 * Does what the request asks for and adds what it has to say to reply. fd came
 * with it (-1: none) and is closed by the caller. 0, or -errno with the line for people in f.
 */
typedef int control_handler(void *arg, const cJSON *request, int fd, cJSON *reply, struct fault *f);

struct control_server;

/* Listens, removing the socket an earlier run left. 0 or -errno. */
int control_server_start(struct control_server **server, struct event_base *base, const struct instance *in,
			 control_handler *handler, void *arg, struct fault *f);

/*
 * Within a handler: the answer comes later. Returns the ticket to answer with; the handler then
 * returns -EINPROGRESS.
 */
uint64_t control_server_defer(struct control_server *server);

/* Answers a request that was deferred: error is the line for people, NULL if all went well. Who asked may be gone by
 * now. */
void control_server_answer(struct control_server *server, uint64_t ticket, const char *error);

/* Answers all that were deferred with that error: nobody else will. NULL for the server is fine. */
void control_server_abandon(struct control_server *server, const char *error);

/* Within a handler: fd goes along with the reply, and is closed then. */
void control_server_attach(struct control_server *server, int fd);

/* Closes every connection and removes the socket. NULL is fine. */
void control_server_stop(struct control_server *server);

#endif
