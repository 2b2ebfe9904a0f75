/* SPDX-License-Identifier: BSD-2-Clause */
#include "netlink.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <time.h>

int netlink_ask(int bus, struct nlmsghdr *request, mnl_cb_t on_message, void *arg)
{
	char buf[16384];
	struct mnl_socket *nl = mnl_socket_open2(bus, SOCK_CLOEXEC);
	ssize_t n = -1;
	int more = MNL_CB_OK;

	if (!nl)
		return -errno;
	request->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	request->nlmsg_seq = (uint32_t)time(NULL);
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) == 0 &&
	    mnl_socket_sendto(nl, request, request->nlmsg_len) >= 0) {
		while (more > MNL_CB_STOP && (n = mnl_socket_recvfrom(nl, buf, sizeof(buf))) > 0)
			more = mnl_cb_run(buf, (size_t)n, request->nlmsg_seq, mnl_socket_get_portid(nl), on_message,
					  arg);
	}
	more = n < 0 || more < 0 ? -errno : 0;
	mnl_socket_close(nl);
	return more;
}

int netlink_talk(struct nlmsghdr *request, mnl_cb_t on_message, void *arg)
{
	return netlink_ask(NETLINK_ROUTE, request, on_message, arg);
}

struct nlmsghdr *netlink_link_message(char *buf, uint16_t type, int ifindex)
{
	struct nlmsghdr *m = mnl_nlmsg_put_header(buf);
	struct ifinfomsg *info = mnl_nlmsg_put_extra_header(m, sizeof(*info));

	m->nlmsg_type = type;
	info->ifi_family = AF_UNSPEC;
	info->ifi_index = ifindex;
	return m;
}
