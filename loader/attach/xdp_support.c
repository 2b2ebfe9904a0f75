/* SPDX-License-Identifier: BSD-2-Clause */
/* The generic netlink family "netdev", of Linux 6.3, which older headers do not have. */
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <sys/socket.h>

#include "probe.h"

#define FAMILY	      "netdev"
#define DEV_GET	      1	 /* NETDEV_CMD_DEV_GET */
#define ATTR_IFINDEX  1	 /* NETDEV_A_DEV_IFINDEX */
#define ATTR_FEATURES 3	 /* NETDEV_A_DEV_XDP_FEATURES */
#define ACT_BASIC     1	 /* XDP_PASS, XDP_DROP, XDP_TX ... */
#define ACT_ZEROCOPY  16 /* AF_XDP without copying */

/* One attribute, looked for in whatever comes back. */
struct search {
	uint16_t type;
	bool found;
	uint64_t value;
};

static int on_reply(const struct nlmsghdr *message, void *arg)
{
	struct search *s = arg;
	const struct nlattr *a;

	mnl_attr_for_each(a, message, sizeof(struct genlmsghdr))
	{
		if (mnl_attr_get_type(a) != s->type)
			continue;
		s->found = true;
		s->value = mnl_attr_get_payload_len(a) >= sizeof(uint64_t) ? mnl_attr_get_u64(a) : mnl_attr_get_u16(a);
	}
	return MNL_CB_OK;
}

static struct nlmsghdr *request(char *buf, uint16_t family, uint8_t command)
{
	struct nlmsghdr *m = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *g = mnl_nlmsg_put_extra_header(m, sizeof(*g));

	m->nlmsg_type = family;
	m->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	g->cmd = command;
	g->version = 1;
	return m;
}

static bool ask(struct mnl_socket *nl, const struct nlmsghdr *message, struct search *s)
{
	char buf[8192];
	ssize_t n;
	int more = MNL_CB_OK;

	if (mnl_socket_sendto(nl, message, message->nlmsg_len) < 0)
		return false;
	while (more > MNL_CB_STOP && (n = mnl_socket_recvfrom(nl, buf, sizeof(buf))) > 0)
		more = mnl_cb_run(buf, (size_t)n, 0, 0, on_reply, s);
	return s->found;
}

static bool ask_features(struct mnl_socket *nl, int ifindex, uint64_t *features)
{
	struct search family = {.type = CTRL_ATTR_FAMILY_ID}, answer = {.type = ATTR_FEATURES};
	char buf[256];
	struct nlmsghdr *m = request(buf, GENL_ID_CTRL, CTRL_CMD_GETFAMILY);

	mnl_attr_put_strz(m, CTRL_ATTR_FAMILY_NAME, FAMILY);
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0 || !ask(nl, m, &family))
		return false;
	m = request(buf, (uint16_t)family.value, DEV_GET);
	mnl_attr_put_u32(m, ATTR_IFINDEX, (uint32_t)ifindex);
	if (!ask(nl, m, &answer))
		return false;
	*features = answer.value;
	return true;
}

enum xdp_support probe_xdp_support(int ifindex)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	uint64_t features = 0;
	bool known;

	if (!nl)
		return XDP_SUPPORT_UNKNOWN;
	known = ask_features(nl, ifindex, &features);
	mnl_socket_close(nl);
	if (!known)
		return XDP_SUPPORT_UNKNOWN;
	if (features & ACT_ZEROCOPY)
		return XDP_SUPPORT_ZERO_COPY;
	return features & ACT_BASIC ? XDP_SUPPORT_NATIVE : XDP_SUPPORT_NONE;
}
