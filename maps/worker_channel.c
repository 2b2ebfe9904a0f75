/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "worker_channel.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union all_fds {
	struct cmsghdr header;
	char space[CMSG_SPACE(WORKER_FDS_MAX * sizeof(int))];
};

int worker_order_send(int channel, const struct worker_order *order, const int *fds, __u32 n)
{
	struct iovec part = {.iov_base = (void *)order, .iov_len = sizeof(*order)};
	struct msghdr packet = {.msg_iov = &part, .msg_iovlen = 1};
	union all_fds control = {0};

	if (n > WORKER_FDS_MAX)
		return -E2BIG;
	if (n) {
		packet.msg_control = &control;
		packet.msg_controllen = CMSG_SPACE(n * sizeof(int));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(&control.header), fds, n * sizeof(int));
	}
	return sendmsg(channel, &packet, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* The room for them is rounded up, so there may be one more than there are at the most. *too_many: then it is closed.
 */
static __u32 take_fds(const struct msghdr *packet, int *fds, bool *too_many)
{
	const struct cmsghdr *c = CMSG_FIRSTHDR(packet);
	int all[sizeof(union all_fds) / sizeof(int)];
	__u32 n;

	*too_many = false;
	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
		return 0;
	n = (__u32)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
	memcpy(all, CMSG_DATA(c), n * sizeof(int));
	for (; n > WORKER_FDS_MAX; *too_many = true)
		close(all[--n]);
	memcpy(fds, all, n * sizeof(int));
	return n;
}

static bool is_whole(const struct worker_order *order, ssize_t size, __u32 fds)
{
	if (size != sizeof(*order) || order->port >= PORTS_MAX)
		return false;
	if (order->kind == WORKER_DETACH || order->kind == WORKER_LEAVE || order->kind == WORKER_PULSE)
		return fds == 0;
	if (order->kind == WORKER_CAPTURE)
		return fds <= 1;
	return order->kind == WORKER_ATTACH && order->queues && order->queues <= QUEUES_MAX && order->tap_queues &&
	       order->tap_queues <= order->queues && order->links <= 1 && fds == worker_fds(order);
}

int worker_order_receive(int channel, struct worker_order *order, int *fds, __u32 *n)
{
	struct iovec part = {.iov_base = order, .iov_len = sizeof(*order)};
	union all_fds control;
	struct msghdr packet = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	const ssize_t size = recvmsg(channel, &packet, MSG_CMSG_CLOEXEC);
	bool too_many;

	*n = 0;
	if (size < 0)
		return -errno;
	*n = take_fds(&packet, fds, &too_many);
	if (size == 0 && *n == 0)
		return -ECONNRESET;
	/* What there was no room for would be lost silently. */
	if (!too_many && !(packet.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) && is_whole(order, size, *n))
		return 0;
	while (*n)
		close(fds[--*n]);
	return -EBADMSG;
}

int worker_answer_send(int channel, const struct worker_answer *answer)
{
	return send(channel, answer, sizeof(*answer), MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int worker_answer_receive(int channel, struct worker_answer *answer)
{
	const ssize_t size = recv(channel, answer, sizeof(*answer), MSG_DONTWAIT | MSG_TRUNC);

	if (size < 0)
		return -errno;
	if (size == 0)
		return -ECONNRESET;
	answer->text[sizeof(answer->text) - 1] = '\0';
	return size == sizeof(*answer) && answer->port < PORTS_MAX ? 0 : -EBADMSG;
}
