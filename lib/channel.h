/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages between the programs, over a SOCK_SEQPACKET: one packet is one JSON object, with one file descriptor or
 * none. A document that may be larger than a packet goes as a memfd. Nothing that comes is trusted: what is no JSON
 * object is an error, and more descriptors than one are closed by the kernel.
 */
#ifndef LIB_CHANNEL_H
#define LIB_CHANNEL_H

#include <cjson/cJSON.h>

/* Bytes of a message's text. */
#define CHANNEL_MESSAGE_MAX 65536

enum channel_event {
	CHANNEL_READABLE = 1,
	CHANNEL_WRITABLE,
};

/* Waits so long until the socket can be read or written, or the other end is closed. 0; -ETIMEDOUT; -ENOTCONN without a
 * socket (-1). */
int channel_wait(int socket, enum channel_event event, int milliseconds);

/* Sends a message, and a descriptor if fd is not -1. Both stay the caller's. Waits while the other end does not read.
 * 0, -EMSGSIZE, or -errno. */
int channel_send(int socket, const cJSON *message, int fd);

/* Sends a message without a descriptor, and does not wait: -EAGAIN when the other end does not read. */
int channel_send_now(int socket, const cJSON *message);

/*
 * Receives a message: *message is the caller's to delete, *fd the caller's to close (-1: none came). 0, or -errno with
 * neither: -ECONNRESET when the other end is closed, -EBADMSG if the packet is no JSON object, or longer than one may
 * be.
 */
int channel_receive(int socket, cJSON **message, int *fd);

/* Writes a document as JSON text into a new memfd, to be sent along. The memfd, the caller's to close, or -errno. */
int channel_pack(const cJSON *document);

/* Writes text into a new memfd. text NULL: -ENOMEM. As channel_pack(). */
int channel_pack_text(const char *text);

/* The text that channel_pack() has put into a memfd, NUL-terminated, the caller's to free. fd stays the caller's. NULL:
 * not readable, or longer than 64 MB. */
char *channel_unpack(int fd);

/* The same of a document that an honest process makes no longer than that: errno is EFBIG if it is. */
char *channel_unpack_within(int fd, size_t most);

#endif
