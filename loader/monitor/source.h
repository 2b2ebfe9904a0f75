/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the board's figures come from: the same two places as those of 'status' (command/host_look.h). The daemon is
 * asked without being waited for, since it may be stopped, and who sits here wants to quit all the same.
 */
#ifndef LOADER_MONITOR_SOURCE_H
#define LOADER_MONITOR_SOURCE_H

#include "board.h"
#include "command/cli.h"
#include "command/host_look.h"

struct source;

/* 0 or -errno as session_maps(). */
int source_open(struct source **s, const struct invocation *inv, struct fault *f);
void source_close(struct source *s);

/* Asks the daemon, if it is not being asked already. Where none is running, that is the answer. */
void source_ask(struct source *s, struct board *b);

/* The socket by which the answer comes; -1: none is waited for. */
int source_socket(const struct source *s);

/* Takes the answer, which is there. */
void source_answer(struct source *s, struct board *b);

/* The socket by which the daemon tells its events, which source_hear() takes, one at a time; -1: it does not. */
int source_stream(const struct source *s);
void source_hear(struct source *s, struct board *b);

/* Measures what has passed since the last time. */
void source_measure(struct source *s, struct board *b);

/* What the host was when the daemon answered last; its daemon is NULL where none is running. */
const struct host_look *source_look(const struct source *s);

/* For how many seconds the daemon owes an answer. */
unsigned source_silence(const struct source *s);

/* All about a row, as 'status' and 'sa show' have it, in lines as wide as screen(): to be freed. */
char *source_details(const struct source *s, const struct row *r);

#endif
