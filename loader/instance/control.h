/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The control socket, run_dir/control: a SOCK_SEQPACKET over which the command
 * asks the supervisor. One message is one JSON object.
 *
 *   request   {"command": "sa add", "words": {"src": "192.0.2.1", ...}}, with a key's fd by SCM_RIGHTS
 *   reply     {"ok": true, ...}  or  {"error": "one line"}
 */
#ifndef LOADER_INSTANCE_CONTROL_H
#define LOADER_INSTANCE_CONTROL_H

#include <sys/un.h>

#include "instance.h"
#include "lib/channel.h"
#include "lib/json.h"

/* Where it is. */
void control_address(const struct instance *in, struct sockaddr_un *address);

#endif
