/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * GET /metrics over HTTP, by libmicrohttpd, which reads what anybody sends. It is loaded by who serves, and by nobody
 * else: it brings libraries more, which the daemon, the same program, need not have.
 *
 * What one may cost: no more than 32 connections, 8 of one address, each with 16 KB for what it asks and ten seconds in
 * all, however slowly it reads or writes. One connection is one question.
 */
#ifndef LOADER_METRICS_HTTP_SERVER_H
#define LOADER_METRICS_HTTP_SERVER_H

#include <stddef.h>

#include "lib/fault.h"

struct http_server;

/* The text to be told, to be freed, with its size, or NULL: it cannot be had now, and 503 is told. */
typedef char *http_text(void *arg, size_t *size);

/* Loads the library, and takes the listening socket. NULL: not installed, or no memory. */
struct http_server *http_server_new(int listener, http_text *text, void *arg, struct fault *f);

/* Serves until something is wrong with the server itself, with all in this one thread. */
void http_server_run(struct http_server *s);

#endif
