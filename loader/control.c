/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void control_address(const struct instance *in, struct sockaddr_un *address)
{
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(address->sun_path, sizeof(address->sun_path), "%s/control", in->run_dir);
}

union one_fd {
	struct cmsghdr header;
	char space[CMSG_SPACE(sizeof(int))];
};

int control_send(int socket, const cJSON *message, int fd)
{
	char *text = cJSON_PrintUnformatted(message);
	struct iovec part = {.iov_base = text, .iov_len = text ? strlen(text) : 0};
	struct msghdr packet = {.msg_iov = &part, .msg_iovlen = 1};
	union one_fd control = {0};
	int err = 0;

	if (!text)
		return -ENOMEM;
	if (fd >= 0) {
		packet.msg_control = &control;
		packet.msg_controllen = sizeof(control);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	}
	if (part.iov_len > CONTROL_MESSAGE_MAX)
		err = -EMSGSIZE;
	else if (sendmsg(socket, &packet, MSG_NOSIGNAL) < 0)
		err = -errno;
	cJSON_free(text);
	return err;
}

static int fd_of(const struct msghdr *packet)
{
	const struct cmsghdr *c = CMSG_FIRSTHDR(packet);
	int fd = -1;

	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}

int control_receive(int socket, cJSON **message, int *fd)
{
	char *text = malloc(CONTROL_MESSAGE_MAX);
	struct iovec part = {.iov_base = text, .iov_len = CONTROL_MESSAGE_MAX};
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
