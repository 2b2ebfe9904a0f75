/* SPDX-License-Identifier: BSD-2-Clause */
/* One connection in words, from an array of connections_json(). */
#ifndef LOADER_COMMAND_CONNECTION_TEXT_H
#define LOADER_COMMAND_CONNECTION_TEXT_H

#include <stdbool.h>
#include <stdio.h>

#include "lib/json.h"
#include "screen.h"

#define CONNECTION_LINE 700

/* The word under name, or "-". */
const char *text_or_dash(const cJSON *o, const char *name);

/* The peer's address, or of whom there is none yet what the file says; who it has proven to be, or NULL. */
const char *connection_peer(const cJSON *connection);
const char *connection_peer_id(const cJSON *connection);

/* "up", "ASTRAY"; and in which tint. */
const char *connection_state(const cJSON *connection, enum tint *tint);

/* "AUTHENTICATION_FAILED from 192.0.2.2, 3 tries, last 12s ago: the PSKs differ", into text (CONNECTION_LINE), which is
 * returned. */
const char *failure_text(const cJSON *failure, char *text);

/* "connecting, for 3s: waits for the answer to IKE_SA_INIT, asked 3 times", of an IKE SA that is not up. */
const char *handshake_text(const cJSON *ike, char *text);

/* Whether it is to be seen: there was no success since. */
bool failure_lasts(const cJSON *failure);

/* "3 of 1234 lost (0.2 %)", "0.123 ms": "-" if nothing was measured. Into text (CONNECTION_LINE). */
const char *loss_text(const cJSON *monitor, char *text);
const char *rtt_text(const cJSON *monitor, const char *which, char *text);

/* The array, a paragraph each (lines.h). */
void connections_print(const cJSON *connections, FILE *out);

/* Who was refused since no connection is for its address: a line, if there was anybody. */
void stranger_tell(const cJSON *stranger, text_line *line, void *arg);

#endif
