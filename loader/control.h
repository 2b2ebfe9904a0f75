/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The control socket, run_dir/control: a SOCK_SEQPACKET over which the command
 * asks the supervisor. One message is one JSON object.
 *
 *   request   {"command": "sa add", "words": {"src": "192.0.2.1", ...}}, with a key's fd by SCM_RIGHTS
 *   reply     {"ok": true, ...}  or  {"error": "one line"}
 */
#ifndef LOADER_CONTROL_H
#define LOADER_CONTROL_H

#include <sys/un.h>

#include "instance.h"
#include "json.h"

#define CONTROL_MESSAGE_MAX 65536

/* Where it is. */
void control_address(const struct instance *in, struct sockaddr_un *address);

/* Sends one message and, if fd >= 0, the fd. 0 or -errno. */
int control_send(int socket, const cJSON *message, int fd);

/*
 * Receives one message: *message is the caller's to delete, *fd the caller's to
 * close (-1: none came). 0, or -errno: -ECONNRESET at the end, -EBADMSG if it is no JSON object.
 */
int control_receive(int socket, cJSON **message, int *fd);

#endif
