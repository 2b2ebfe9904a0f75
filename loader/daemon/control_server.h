/* SPDX-License-Identifier: BSD-2-Clause */
/* The supervisor's side of the control socket. Only root may ask. */
#ifndef LOADER_DAEMON_CONTROL_SERVER_H
#define LOADER_DAEMON_CONTROL_SERVER_H

#include <event2/event.h>
#include <stdint.h>

#include "instance/control.h"
#include "lib/fault.h"

/*
 * Does what a request asks for, and adds what there is to say to reply. fd came with the request (-1: none), and is the
 * server's to close. 0; -errno with the line for people in f; -EINPROGRESS after control_server_defer().
 */
typedef int control_handler(void *arg, const cJSON *request, int fd, cJSON *reply, struct fault *f);

struct control_server;

/* Listens, removing the socket an earlier run left. 0 or -errno. */
int control_server_start(struct control_server **server, struct event_base *base, const struct instance *in,
			 control_handler *handler, void *arg, struct fault *f);

/* Called by a handler whose answer comes later: the handler then returns -EINPROGRESS. Returns the ticket to answer
 * with. */
uint64_t control_server_defer(struct control_server *server);

/* Answers a request that was deferred. error: the line for people; NULL: it is done. Whoever asked may be gone by then.
 */
void control_server_answer(struct control_server *server, uint64_t ticket, const char *error);

/* Answers all requests that are deferred with that error, because nobody else will. server may be NULL. */
void control_server_abandon(struct control_server *server, const char *error);

/* Called by a handler: sends fd along with the reply, and closes it then. */
void control_server_attach(struct control_server *server, int fd);

/* Called by a handler: on_gone(arg) is called when the connection of the request is closed, by whomever. */
void control_server_hold(struct control_server *server, void (*on_gone)(void *arg), void *arg);

/* Called by a handler: the request's socket, by which more than the answer can be sent as long as the connection is
 * held. It stays the server's. */
int control_server_socket(const struct control_server *server);

/* Closes every connection and removes the socket. NULL is fine. */
void control_server_stop(struct control_server *server);

#endif
