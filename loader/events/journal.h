/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Events as entries of systemd's journal, with a field for each value, by its native protocol: a datagram of lines
 * "FIELD=value" (systemd.io/JOURNAL_NATIVE_PROTOCOL). No value has a newline in it, so no other form is needed.
 */
#ifndef LOADER_EVENTS_JOURNAL_H
#define LOADER_EVENTS_JOURNAL_H

#include "lib/json.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
/* Bytes of an entry. */
#define JOURNAL_ENTRY_MAX 8192

/* Whether stderr is the journal's, as it is under systemd: $JOURNAL_STREAM is its device and inode (systemd.exec(5)).
 */
bool journal_is_stderr(void);

/* A socket to write to it, the caller's to close, or -errno. */
int journal_open(void);

/*
 * Writes the entry, without waiting: one that the journal has no room for is lost, and so is one when it is not
 * there, which it may be again later. path: its socket, JOURNAL_SOCKET. 0 or -errno.
 */
int journal_send(int fd, const char *path, const cJSON *event);

/* The entry's text: MESSAGE, MESSAGE_ID, PRIORITY, SYSLOG_IDENTIFIER, XDP_IPSEC_EVENT and XDP_IPSEC_NAME for every
 * other value. Returns its bytes; what does not fit is left out, field by field. */
size_t journal_entry(const cJSON *event, char entry[JOURNAL_ENTRY_MAX]);

#endif
