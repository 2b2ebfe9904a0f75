/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "http_server.h"

#include <dlfcn.h>
#include <errno.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "lib/clock.h"

#define CONNECTIONS_MAX 32U
/* Who has them all keeps nobody else from it. */
#define CONNECTIONS_OF_ONE 8U
/* What it asks, with all headers; a browser's are the longest. */
#define REQUEST_MEMORY ((size_t)16384)
/* Without a byte; and in all. Prometheus itself gives up after ten seconds. */
#define SILENCE_S 5U
#define LIFE_NS	  10000000000ULL
/* How often it is looked whose time is over. */
#define LOOK_MS 500

#define CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct client {
	LIST_ENTRY(client) entry;
	uint64_t since_ns;
	int fd;
};

struct library {
	void *handle;
	__typeof__(MHD_start_daemon) *start_daemon;
	__typeof__(MHD_run_wait) *run_wait;
	__typeof__(MHD_get_connection_info) *get_connection_info;
	__typeof__(MHD_create_response_from_buffer) *create_response;
	__typeof__(MHD_add_response_header) *add_header;
	__typeof__(MHD_queue_response) *queue_response;
	__typeof__(MHD_destroy_response) *destroy_response;
};

struct http_server {
	struct library lib;
	struct MHD_Daemon *daemon;
	http_text *text;
	void *arg;
	LIST_HEAD(, client) clients;
};

/* ---- the library ---- */

static bool find(const struct library *lib, const char *name, void *function)
{
	void *found = dlsym(lib->handle, name);

	memcpy(function, &found, sizeof(found));
	return found;
}

static int load(struct library *lib, struct fault *f)
{
	lib->handle = dlopen("libmicrohttpd.so.12", RTLD_NOW | RTLD_LOCAL);
	if (lib->handle && find(lib, "MHD_start_daemon", &lib->start_daemon) &&
	    find(lib, "MHD_run_wait", &lib->run_wait) &&
	    find(lib, "MHD_get_connection_info", &lib->get_connection_info) &&
	    find(lib, "MHD_create_response_from_buffer", &lib->create_response) &&
	    find(lib, "MHD_add_response_header", &lib->add_header) &&
	    find(lib, "MHD_queue_response", &lib->queue_response) &&
	    find(lib, "MHD_destroy_response", &lib->destroy_response))
		return 0;
	return fault(f, ENOENT, "'listen' takes libmicrohttpd, which is not installed: 'apt install libmicrohttpd12'");
}

/* ---- answers ---- */

/* Takes text over, which is freed after it was sent, or is to stay for ever. */
static enum MHD_Result answer(const struct http_server *s, struct MHD_Connection *c, unsigned code, char *text,
			      size_t size, enum MHD_ResponseMemoryMode mode, const char *type)
{
	struct MHD_Response *response = s->lib.create_response(size, text, mode);
	enum MHD_Result result = MHD_NO;

	if (!response)
		return MHD_NO;
	s->lib.add_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	s->lib.add_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	s->lib.add_header(response, "X-Content-Type-Options", "nosniff");
	if (code == MHD_HTTP_METHOD_NOT_ALLOWED)
		s->lib.add_header(response, MHD_HTTP_HEADER_ALLOW, MHD_HTTP_METHOD_GET);
	result = s->lib.queue_response(c, code, response);
	s->lib.destroy_response(response);
	return result;
}

static enum MHD_Result say(const struct http_server *s, struct MHD_Connection *c, unsigned code, const char *text)
{
	return answer(s, c, code, (char *)text, strlen(text), MHD_RESPMEM_PERSISTENT, "text/plain; charset=utf-8");
}

static enum MHD_Result tell(const struct http_server *s, struct MHD_Connection *c)
{
	size_t size;
	char *text = s->text(s->arg, &size);

	if (!text)
		return say(s, c, MHD_HTTP_SERVICE_UNAVAILABLE, "the daemon does not answer\n");
	return answer(s, c, MHD_HTTP_OK, text, size, MHD_RESPMEM_MUST_FREE, CONTENT_TYPE);
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *c, const char *url, const char *method,
				  const char *version, const char *body, size_t *body_size, void **context)
{
	static const char page[] = "<!DOCTYPE html><title>xdp-ipsec</title><a href=\"/metrics\">metrics</a>\n";
	const struct http_server *s = arg;

	(void)version;
	(void)body;
	(void)body_size;
	(void)context;
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0)
		return say(s, c, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET\n");
	if (strcmp(url, "/metrics") == 0)
		return tell(s, c);
	if (strcmp(url, "/") == 0)
		return answer(s, c, MHD_HTTP_OK, (char *)page, sizeof(page) - 1, MHD_RESPMEM_PERSISTENT,
			      "text/html; charset=utf-8");
	return say(s, c, MHD_HTTP_NOT_FOUND, "there is /metrics, and nothing else\n");
}

/* ---- connections ---- */

/* One that cannot be noted has the time of its silence alone. */
static void on_connection(void *arg, struct MHD_Connection *c, void **context, enum MHD_ConnectionNotificationCode code)
{
	const union MHD_ConnectionInfo *info;
	struct http_server *s = arg;
	struct client *client = *context;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		if (client)
			LIST_REMOVE(client, entry);
		free(client);
		*context = NULL;
		return;
	}
	info = s->lib.get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
	client = info ? calloc(1, sizeof(*client)) : NULL;
	if (!client)
		return;
	client->since_ns = clock_now();
	client->fd = info->connect_fd;
	LIST_INSERT_HEAD(&s->clients, client, entry);
	*context = client;
}

/* The library closes what is shut down. */
static void end_old(const struct http_server *s)
{
	const uint64_t now = clock_now();
	const struct client *client;

	LIST_FOREACH(client, &s->clients, entry)
		if (now - client->since_ns > LIFE_NS)
			shutdown(client->fd, SHUT_RDWR);
}

struct http_server *http_server_new(int listener, http_text *text, void *arg, struct fault *f)
{
	struct http_server *s = calloc(1, sizeof(*s));

	if (!s) {
		fault(f, ENOMEM, "%s", strerror(ENOMEM));
		return NULL;
	}
	s->text = text;
	s->arg = arg;
	if (load(&s->lib, f) == 0) {
		s->daemon = s->lib.start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, s, MHD_OPTION_LISTEN_SOCKET,
						listener, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
						MHD_OPTION_PER_IP_CONNECTION_LIMIT, CONNECTIONS_OF_ONE,
						MHD_OPTION_CONNECTION_TIMEOUT, SILENCE_S,
						MHD_OPTION_CONNECTION_MEMORY_LIMIT, REQUEST_MEMORY,
						MHD_OPTION_NOTIFY_CONNECTION, on_connection, s, MHD_OPTION_END);
		if (s->daemon)
			return s;
		fault(f, EIO, "libmicrohttpd does not start: %s", strerror(errno));
	}
	free(s);
	return NULL;
}

void http_server_run(struct http_server *s)
{
	while (s->lib.run_wait(s->daemon, LOOK_MS) == MHD_YES)
		end_old(s);
}
