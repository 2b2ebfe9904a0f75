/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who serves is not who knows. What reads the network is a child without privileges, file system or other system calls
 * than it takes; it can ask this process, which is root and reads nothing of the network, for one thing:
 *
 *   HTTP ─► child (http_server.h) ─► a message with nothing in it ─► this process: status, maps ─► text in a memfd
 *
 * However many ask, the daemon is asked once a second at most.
 */
#ifndef LOADER_METRICS_HTTP_PROCESS_H
#define LOADER_METRICS_HTTP_PROCESS_H

#include "http_server.h"

/* A socket that listens on "192.0.2.1:9100" or "[2001:db8::1]:9100"; text (64 bytes) gets the address that it has. Its
 * descriptor or -errno. */
int http_listen(const char *address, char text[64], struct fault *f);

/* Serves on the listening socket, what `text` makes, until it is ended by a signal. Returns -errno when the child ends.
 */
int http_serve(int listener, http_text *text, void *arg, struct fault *f);

#endif
