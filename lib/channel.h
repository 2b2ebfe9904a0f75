/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages between the programs, over a SOCK_SEQPACKET: one packet is one JSON
 * object, and a file descriptor may go with it. What is larger than a packet goes as a memfd.
 */
#ifndef LIB_CHANNEL_H
#define LIB_CHANNEL_H

#include <cjson/cJSON.h>

#define CHANNEL_MESSAGE_MAX 65536

enum channel_event {
	CHANNEL_READABLE = 1,
	CHANNEL_WRITABLE,
};

/* Waits for it, or for the end. 0, or -ETIMEDOUT. */
int channel_wait(int socket, enum channel_event event, int milliseconds);

/* Sends one message and, if fd >= 0, the fd. 0 or -errno. */
int channel_send(int socket, const cJSON *message, int fd);

/* The same without an fd, and without waiting for whoever does not read: -EAGAIN then. */
int channel_send_now(int socket, const cJSON *message);

/*
 * Receives one message: *message is the caller's to delete, *fd the caller's to
 * close (-1: none came). 0, or -errno: -ECONNRESET at the end, -EBADMSG if it is no JSON object.
 */
int channel_receive(int socket, cJSON **message, int *fd);

/* The JSON text of a document in a new memfd, to be sent along. The fd, or -errno. */
int channel_pack(const cJSON *document);

/* The same of text. */
int channel_pack_text(const char *text);

/* What is in such an fd, as text, NUL-terminated; the caller's to free. NULL: not readable, or longer than 64 MB. */
char *channel_unpack(int fd);

#endif
