/* SPDX-License-Identifier: BSD-2-Clause */
/* A descriptor that goes along with a message (SCM_RIGHTS). */
#ifndef LIB_ONE_FD_H
#define LIB_ONE_FD_H

#include <string.h>
#include <sys/socket.h>

union one_fd {
	struct cmsghdr header;
	char space[CMSG_SPACE(sizeof(int))];
};

/* control is the message's until it is sent; fd stays the caller's, and with -1 none goes along. */
static inline void one_fd_add(struct msghdr *message, union one_fd *control, int fd)
{
	if (fd < 0)
		return;
	memset(control, 0, sizeof(*control));
	message->msg_control = control;
	message->msg_controllen = sizeof(*control);
	control->header.cmsg_level = SOL_SOCKET;
	control->header.cmsg_type = SCM_RIGHTS;
	control->header.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control->header), &fd, sizeof(fd));
}

#endif
