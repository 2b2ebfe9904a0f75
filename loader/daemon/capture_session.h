/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one capture that there can be: memory into which the worker copies packets, and a ring buffer in the map
 * `captures` for what the BPF programs drop. It lasts as long as the connection of who asked for it, however that ends.
 */
#ifndef LOADER_DAEMON_CAPTURE_SESSION_H
#define LOADER_DAEMON_CAPTURE_SESSION_H

#include "lib/json.h"
#include "worker_process.h"

struct capture_session {
	struct worker *worker;
	const struct maps *maps;
	int memory; /* -1: nothing is captured */
};

/* Nobody captures; what a daemon that was killed has left is taken away. */
void capture_session_init(struct capture_session *s, struct worker *worker, const struct maps *maps);

/* Begins, by the words of 'capture'. Returns a descriptor of the memory, the caller's to close; -EBUSY or -errno. */
int capture_session_begin(struct capture_session *s, const cJSON *words, struct fault *f);

/* Safe where nothing is captured. arg: the session. */
void capture_session_end(void *arg);

#endif
