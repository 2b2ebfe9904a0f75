/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "control_server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* Scripts run commands side by side; more than that is a leak of theirs. */
#define CONNECTIONS_MAX 64

struct connection {
	LIST_ENTRY(connection) entry;
	struct control_server *server;
	struct event *readable;
	int fd;
	uint64_t ticket; /* of the request that is answered later; 0: none */
	void (*on_gone)(void *arg);
	void *arg;
};

struct control_server {
	struct event_base *base;
	control_handler *handler;
	void *arg;
	struct sockaddr_un address;
	struct event *acceptable;
	int fd;
	unsigned connection_count;
	uint64_t last_ticket;
	struct connection *current; /* whose request is being handled */
	int attached;		    /* goes along with its reply; -1: nothing */
	LIST_HEAD(, connection) connections;
};

static void close_connection(struct connection *c)
{
	LIST_REMOVE(c, entry);
	if (c->on_gone)
		c->on_gone(c->arg);
	c->server->connection_count--;
	if (c->readable)
		event_free(c->readable);
	close(c->fd);
	free(c);
}

static int send_reply(struct connection *c, cJSON *reply, const char *error, int fd)
{
	int err;

	if (error)
		cJSON_AddStringToObject(reply, "error", error);
	else
		cJSON_AddBoolToObject(reply, "ok", true);
	err = channel_send(c->fd, reply, fd);
	cJSON_Delete(reply);
	return err;
}

static int answer(struct connection *c, const cJSON *request, int fd)
{
	struct control_server *s = c->server;
	cJSON *reply = cJSON_CreateObject();
	struct fault f = {""};
	int err;

	s->current = c;
	s->attached = -1;
	err = s->handler(s->arg, request, fd, reply, &f);
	s->current = NULL;
	if (err == -EINPROGRESS) {
		cJSON_Delete(reply);
		return 0;
	}
	c->ticket = 0;
	err = send_reply(c, reply, !err ? NULL : f.text[0] ? f.text : strerror(-err), s->attached);
	if (s->attached >= 0)
		close(s->attached);
	return err;
}

uint64_t control_server_defer(struct control_server *s)
{
	return s->current->ticket = ++s->last_ticket;
}

void control_server_attach(struct control_server *s, int fd)
{
	s->attached = fd;
}

void control_server_hold(struct control_server *s, void (*on_gone)(void *arg), void *arg)
{
	s->current->on_gone = on_gone;
	s->current->arg = arg;
}

int control_server_socket(const struct control_server *s)
{
	return s->current->fd;
}

static void answer_deferred(struct connection *c, const char *error)
{
	c->ticket = 0;
	if (send_reply(c, cJSON_CreateObject(), error, -1))
		close_connection(c);
}

void control_server_answer(struct control_server *s, uint64_t ticket, const char *error)
{
	struct connection *c;

	LIST_FOREACH(c, &s->connections, entry)
		if (c->ticket && c->ticket == ticket)
			break;
	if (c)
		answer_deferred(c, error);
}

void control_server_abandon(struct control_server *s, const char *error)
{
	struct connection *c, *next;

	for (c = s ? LIST_FIRST(&s->connections) : NULL; c; c = next) {
		next = LIST_NEXT(c, entry);
		if (c->ticket)
			answer_deferred(c, error);
	}
}

static void on_request(evutil_socket_t socket, short what, void *arg)
{
	struct connection *c = arg;
	cJSON *request;
	int fd, err = channel_receive(socket, &request, &fd);

	(void)what;
	if (err == -EAGAIN || err == -EINTR)
		return;
	if (!err) {
		/* One at a time: a second would get the answer to the first, or end what that holds. */
		err = c->ticket || c->on_gone ? -EPROTO : answer(c, request, fd);
		cJSON_Delete(request);
		if (fd >= 0)
			close(fd);
	}
	if (err)
		close_connection(c);
}

static bool is_root(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == 0;
}

static void on_connection(evutil_socket_t socket, short what, void *arg)
{
	struct control_server *s = arg;
	int fd = accept4(socket, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct connection *c;

	(void)what;
	if (fd < 0)
		return;
	c = is_root(fd) && s->connection_count < CONNECTIONS_MAX ? calloc(1, sizeof(*c)) : NULL;
	if (!c) {
		close(fd);
		return;
	}
	c->server = s;
	c->fd = fd;
	LIST_INSERT_HEAD(&s->connections, c, entry);
	s->connection_count++;
	c->readable = event_new(s->base, fd, EV_READ | EV_PERSIST, on_request, c);
	if (!c->readable || event_add(c->readable, NULL) < 0)
		close_connection(c);
}

static int listen_on(struct control_server *s, struct fault *f)
{
	const char *path = s->address.sun_path;

	s->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	unlink(path);
	if (s->fd < 0 || bind(s->fd, (const struct sockaddr *)&s->address, sizeof(s->address)) < 0 ||
	    chmod(path, 0600) < 0 || listen(s->fd, 16) < 0)
		return fault(f, errno, "%s: %s", path, strerror(errno));
	s->acceptable = event_new(s->base, s->fd, EV_READ | EV_PERSIST, on_connection, s);
	if (!s->acceptable || event_add(s->acceptable, NULL) < 0)
		return fault(f, ENOMEM, "%s: %s", path, strerror(ENOMEM));
	return 0;
}

int control_server_start(struct control_server **server, struct event_base *base, const struct instance *in,
			 control_handler *handler, void *arg, struct fault *f)
{
	struct control_server *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return fault(f, ENOMEM, "control socket: %s", strerror(ENOMEM));
	s->base = base;
	s->handler = handler;
	s->arg = arg;
	control_address(in, &s->address);
	LIST_INIT(&s->connections);
	err = listen_on(s, f);
	if (err)
		control_server_stop(s);
	else
		*server = s;
	return err;
}

void control_server_stop(struct control_server *s)
{
	if (!s)
		return;
	while (!LIST_EMPTY(&s->connections))
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): LIST_REMOVE() has put the next one there */
		close_connection(LIST_FIRST(&s->connections));
	if (s->acceptable)
		event_free(s->acceptable);
	if (s->fd >= 0)
		close(s->fd);
	unlink(s->address.sun_path);
	free(s);
}
