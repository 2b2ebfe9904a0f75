/* SPDX-License-Identifier: BSD-2-Clause */
#include "route.h"

#include <linux/lwtunnel.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "netlink.h"

/* LWTUNNEL_ENCAP_XFRM of Linux 6.2. */
#define ENCAP_XFRM 10

/* The others only tell an interface of tunnels what to do. */
static bool is_rewriting(uint16_t encap)
{
	return encap != LWTUNNEL_ENCAP_NONE && encap != LWTUNNEL_ENCAP_IP && encap != LWTUNNEL_ENCAP_IP6 &&
	       encap != ENCAP_XFRM;
}

static void take_attribute(const struct nlattr *a, struct route *route)
{
	switch (mnl_attr_get_type(a)) {
	case RTA_OIF:
		if (mnl_attr_validate(a, MNL_TYPE_U32) == 0)
			route->ifindex = (int)mnl_attr_get_u32(a);
		break;
	case RTA_ENCAP_TYPE:
		if (mnl_attr_validate(a, MNL_TYPE_U16) == 0)
			route->encapsulates = is_rewriting(mnl_attr_get_u16(a));
		break;
	case RTA_GATEWAY:
		if (mnl_attr_get_payload_len(a) == sizeof(route->via))
			memcpy(route->via, mnl_attr_get_payload(a), sizeof(route->via));
		break;
	}
}

static int on_route(const struct nlmsghdr *message, void *arg)
{
	const struct rtmsg *header = mnl_nlmsg_get_payload(message);
	const struct nlattr *a;
	struct route *route = arg;

	if (message->nlmsg_type != RTM_NEWROUTE || mnl_nlmsg_get_payload_len(message) < sizeof(*header))
		return MNL_CB_OK;
	route->type = header->rtm_type;
	mnl_attr_for_each(a, message, sizeof(*header)) take_attribute(a, route);
	return MNL_CB_OK;
}

static bool is_set(const uint8_t addr[4])
{
	return addr[0] | addr[1] | addr[2] | addr[3];
}

/* Linux has rules for ports of TCP and UDP, and refuses the question for protocols that it knows no ports of. */
static void put_protocol(struct nlmsghdr *m, const struct route_question *q)
{
	const bool has_ports = q->proto == IPPROTO_TCP || q->proto == IPPROTO_UDP;

	if (has_ports || q->proto == IPPROTO_ICMP)
		mnl_attr_put_u8(m, RTA_IP_PROTO, q->proto);
	if (has_ports && q->sport)
		mnl_attr_put_u16(m, RTA_SPORT, htons(q->sport));
	if (has_ports && q->dport)
		mnl_attr_put_u16(m, RTA_DPORT, htons(q->dport));
}

int route_get(const struct route_question *q, struct route *out)
{
	char buf[512];
	struct nlmsghdr *m = mnl_nlmsg_put_header(buf);
	struct rtmsg *header = mnl_nlmsg_put_extra_header(m, sizeof(*header));

	*out = (struct route){0};
	m->nlmsg_type = RTM_GETROUTE;
	*header = (struct rtmsg){.rtm_family = AF_INET, .rtm_dst_len = 32};
	mnl_attr_put(m, RTA_DST, 4, q->dst);
	if (is_set(q->src)) {
		header->rtm_src_len = 32;
		mnl_attr_put(m, RTA_SRC, 4, q->src);
	}
	if (q->iif)
		mnl_attr_put_u32(m, RTA_IIF, (uint32_t)q->iif);
	if (q->oif)
		mnl_attr_put_u32(m, RTA_OIF, (uint32_t)q->oif);
	put_protocol(m, q);
	return netlink_talk(m, on_route, out);
}

struct route route_to_peer(const uint8_t local[4], const uint8_t remote[4])
{
	struct route_question q = {.proto = IPPROTO_ICMP};
	struct route route;

	memcpy(q.src, local, sizeof(q.src));
	memcpy(q.dst, remote, sizeof(q.dst));
	if (route_get(&q, &route) || route.type != RTN_UNICAST)
		return (struct route){0};
	return route;
}
