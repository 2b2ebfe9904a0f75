/* SPDX-License-Identifier: BSD-2-Clause */
/* The command's side of the control socket. */
#ifndef LOADER_COMMAND_CONTROL_CLIENT_H
#define LOADER_COMMAND_CONTROL_CLIENT_H

#include "instance/control.h"
#include "lib/fault.h"

/*
 * Asks the instance's supervisor. words (may be NULL) stays the caller's; fd is
 * sent along if >= 0. A document that
 * comes with the reply is in it as "document". *reply (may be NULL) is the caller's to delete. 0 or
 * -errno with the supervisor's own line in f; -ECONNREFUSED if none is running.
 */
int control_ask(const struct instance *in, const char *command, const cJSON *words, int fd, cJSON **reply,
		struct fault *f);

#endif
