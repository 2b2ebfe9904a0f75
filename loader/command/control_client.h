/* SPDX-License-Identifier: BSD-2-Clause */
/* The command's side of the control socket. */
#ifndef LOADER_COMMAND_CONTROL_CLIENT_H
#define LOADER_COMMAND_CONTROL_CLIENT_H

#include "instance/control.h"
#include "lib/fault.h"

/*
 * Asks the instance's supervisor, and waits for its answer. words (may be NULL) stay the caller's, and so does fd,
 * which is sent along unless it is -1. *reply is the caller's to delete, reply may be NULL; a document that came with
 * the answer is in it as "document". 0, -errno with the supervisor's own line in f, or -ECONNREFUSED if none is
 * running.
 */
int control_ask(const struct instance *in, const char *command, const cJSON *words, int fd, cJSON **reply,
		struct fault *f);

/* What the supervisor says of itself and of all connections, who is monitored included; as control_ask(). */
int control_status(const struct instance *in, cJSON **status, struct fault *f);

/* Who is monitored, in the answer to "monitors" (NULL: none came), goes into that to "status". monitors is deleted. */
void control_add_monitors(cJSON *status, cJSON *monitors);

/* Asks, and does not wait: the socket, which can be read when the answer is there, for control_take(). -ECONNREFUSED,
 * or another -errno. */
int control_begin(const struct instance *in, const char *command, const cJSON *words, struct fault *f);

/* The answer to that, and the end of the socket; as control_ask(). */
int control_take(int socket, cJSON **reply, struct fault *f);

/* What is done while an answer is long in coming. */
struct control_patience {
	int every_ms;
	void (*tell)(void *arg);
	void *arg;
};

/* The same, for an order without a file; patience may be NULL. */
int control_order(const struct instance *in, const char *command, const cJSON *words,
		  const struct control_patience *patience, struct fault *f);

/*
 * The same of a command that lasts: the connection, whose end ends it, and in *with the descriptor that came with the
 * answer; both the caller's to close. -errno with neither.
 */
int control_hold(const struct instance *in, const char *command, const cJSON *words, int *with, struct fault *f);

/* The connection after a request that goes on to be answered, by more messages; the caller's to close. Or -errno. */
int control_stream(const struct instance *in, const char *command, struct fault *f);

#endif
