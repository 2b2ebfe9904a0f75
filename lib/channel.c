/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "channel.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "one_fd.h"
#include "write_all.h"

int channel_wait(int socket, enum channel_event event, int milliseconds)
{
	struct pollfd p = {.fd = socket, .events = event == CHANNEL_READABLE ? POLLIN : POLLOUT};
	int n;

	if (socket < 0)
		return -ENOTCONN;
	do
		n = poll(&p, 1, milliseconds);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n == 0 ? -ETIMEDOUT : 0;
}

static int send_packet(int socket, const cJSON *message, int fd, int flags)
{
	char *text = cJSON_PrintUnformatted(message);
	struct iovec part = {.iov_base = text, .iov_len = text ? strlen(text) : 0};
	struct msghdr packet = {.msg_iov = &part, .msg_iovlen = 1};
	union one_fd control;
	int err = 0;

	if (!text)
		return -ENOMEM;
	one_fd_add(&packet, &control, fd);
	if (part.iov_len > CHANNEL_MESSAGE_MAX)
		err = -EMSGSIZE;
	else if (sendmsg(socket, &packet, MSG_NOSIGNAL | flags) < 0)
		err = -errno;
	cJSON_free(text);
	return err;
}

int channel_send(int socket, const cJSON *message, int fd)
{
	return send_packet(socket, message, fd, 0);
}

int channel_send_now(int socket, const cJSON *message)
{
	return send_packet(socket, message, -1, MSG_DONTWAIT);
}

static int fd_of(const struct msghdr *packet)
{
	const struct cmsghdr *c = CMSG_FIRSTHDR(packet);
	int fd = -1;

	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}

int channel_receive(int socket, cJSON **message, int *fd)
{
	char *text = malloc(CHANNEL_MESSAGE_MAX);
	struct iovec part = {.iov_base = text, .iov_len = CHANNEL_MESSAGE_MAX};
	union one_fd control = {0};
	struct msghdr packet = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		/* Not CMSG_SPACE, whose padding is room for a second fd that nobody would close. */
		.msg_controllen = CMSG_LEN(sizeof(int)),
	};
	ssize_t n = -1;

	*message = NULL;
	*fd = -1;
	errno = ENOMEM;
	if (text)
		n = recvmsg(socket, &packet, MSG_CMSG_CLOEXEC);
	if (n <= 0) {
		free(text);
		return n < 0 ? -errno : -ECONNRESET;
	}
	*fd = fd_of(&packet);
	if (!(packet.msg_flags & MSG_TRUNC))
		*message = cJSON_ParseWithLength(text, (size_t)n);
	free(text);
	if (cJSON_IsObject(*message))
		return 0;
	cJSON_Delete(*message);
	if (*fd >= 0)
		close(*fd);
	*message = NULL;
	*fd = -1;
	return -EBADMSG;
}

/* ---- documents ---- */

#define DOCUMENT_MAX (64 << 20)

int channel_pack_text(const char *text)
{
	int fd = text ? memfd_create("document", MFD_CLOEXEC) : -1;
	int err = text ? fd < 0 ? -errno : write_all(fd, text, strlen(text)) : -ENOMEM;

	if (!err)
		return fd;
	if (fd >= 0)
		close(fd);
	return err;
}

int channel_pack(const cJSON *document)
{
	char *text = cJSON_PrintUnformatted(document);
	const int fd = channel_pack_text(text);

	cJSON_free(text);
	return fd;
}

char *channel_unpack_within(int fd, size_t most)
{
	struct stat st;
	char *text;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size < 0)
		return NULL;
	if ((size_t)st.st_size > most) {
		errno = EFBIG;
		return NULL;
	}
	text = malloc((size_t)st.st_size + 1);
	if (text && pread(fd, text, (size_t)st.st_size, 0) != st.st_size) {
		free(text);
		return NULL;
	}
	if (text)
		text[st.st_size] = '\0';
	return text;
}

char *channel_unpack(int fd)
{
	return channel_unpack_within(fd, DOCUMENT_MAX);
}
