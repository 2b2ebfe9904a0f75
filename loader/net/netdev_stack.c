/* SPDX-License-Identifier: BSD-2-Clause */
#include "netdev_stack.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netlink.h"

static enum netdev_kind kind_of(const char *name)
{
	static const struct {
		const char *name;
		enum netdev_kind kind;
	} known[] = {
		{"vlan", NETDEV_UPPER},	   {"macvlan", NETDEV_UPPER},	 {"macvtap", NETDEV_UPPER},
		{"ipvlan", NETDEV_UPPER},  {"ipvtap", NETDEV_UPPER},	 {"bridge", NETDEV_MASTER},
		{"bond", NETDEV_MASTER},   {"team", NETDEV_MASTER},	 {"vrf", NETDEV_VRF},
		{"vxlan", NETDEV_TUNNEL},  {"geneve", NETDEV_TUNNEL},	 {"gretap", NETDEV_TUNNEL},
		{"erspan", NETDEV_TUNNEL}, {"ip6gretap", NETDEV_TUNNEL}, {"ip6erspan", NETDEV_TUNNEL},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(known[i].name, name) == 0)
			return known[i].kind;
	return NETDEV_OTHER;
}

/* A macvlan hands on by the Ethernet address, in one of its modes; an ipvlan by the IP address, unless it is told not
 * to. data: what the kernel says of it. */
static bool keeps_apart(const struct nlattr *data, bool is_macvlan)
{
	const struct nlattr *a;

	mnl_attr_for_each_nested(a, data)
	{
		const int type = mnl_attr_get_type(a);

		if (is_macvlan && type == IFLA_MACVLAN_MODE && mnl_attr_validate(a, MNL_TYPE_U32) == 0)
			return mnl_attr_get_u32(a) != MACVLAN_MODE_BRIDGE;
		if (!is_macvlan && type == IFLA_IPVLAN_FLAGS && mnl_attr_validate(a, MNL_TYPE_U16) == 0)
			return mnl_attr_get_u16(a) & (IPVLAN_F_PRIVATE | IPVLAN_F_VEPA);
	}
	return false;
}

/* Of an upper one's kind. */
static bool is_macvlan_kind(const char *kind)
{
	return strncmp(kind, "mac", 3) == 0;
}

static bool has_shortcuts(const char *kind, const struct nlattr *data)
{
	if (kind_of(kind) != NETDEV_UPPER || strcmp(kind, "vlan") == 0)
		return false;
	return !data || !keeps_apart(data, is_macvlan_kind(kind));
}

static void take_info(const struct nlattr *info, struct netdev_stack *dev)
{
	const struct nlattr *a, *data = NULL;

	mnl_attr_for_each_nested(a, info)
	{
		if (mnl_attr_get_type(a) == IFLA_INFO_KIND && mnl_attr_validate(a, MNL_TYPE_NUL_STRING) == 0)
			snprintf(dev->info_kind, sizeof(dev->info_kind), "%s", mnl_attr_get_str(a));
		else if (mnl_attr_get_type(a) == IFLA_INFO_DATA)
			data = a;
	}
	dev->kind = kind_of(dev->info_kind);
	dev->has_shortcuts = has_shortcuts(dev->info_kind, data);
}

void netdev_stack_parse(const struct nlmsghdr *message, struct netdev_stack *out)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(message);
	const struct nlattr *a;
	bool elsewhere = false, hardware = false;

	*out = (struct netdev_stack){.ifindex = info->ifi_index};
	mnl_attr_for_each(a, message, sizeof(*info))
	{
		const bool number = mnl_attr_validate(a, MNL_TYPE_U32) == 0;

		if (mnl_attr_get_type(a) == IFLA_LINK && number)
			out->below = (int)mnl_attr_get_u32(a);
		else if (mnl_attr_get_type(a) == IFLA_MASTER && number)
			out->master = (int)mnl_attr_get_u32(a);
		else if (mnl_attr_get_type(a) == IFLA_LINK_NETNSID)
			elsewhere = true;
		else if (mnl_attr_get_type(a) == IFLA_LINKINFO)
			take_info(a, out);
		else if (mnl_attr_get_type(a) == IFLA_PARENT_DEV_NAME)
			hardware = true;
	}
	/* L2TP's do not say what they are. */
	if (!out->info_kind[0] && !hardware)
		out->kind = NETDEV_TUNNEL;
	/* A veth has a link, too; and one in another namespace has a number from there. */
	if (out->kind != NETDEV_UPPER || elsewhere)
		out->below = 0;
}

struct stack_list {
	struct netdev_stack *at;
	size_t count;
	size_t room;
};

static int on_stack(const struct nlmsghdr *message, void *arg)
{
	struct stack_list *list = arg;

	if (message->nlmsg_type != RTM_NEWLINK || mnl_nlmsg_get_payload_len(message) < sizeof(struct ifinfomsg))
		return MNL_CB_OK;
	if (list->count == list->room) {
		const size_t room = list->room ? list->room * 2 : 64;
		struct netdev_stack *more = realloc(list->at, room * sizeof(*more));

		if (!more)
			return MNL_CB_ERROR;
		list->at = more;
		list->room = room;
	}
	netdev_stack_parse(message, &list->at[list->count++]);
	return MNL_CB_OK;
}

int netdev_stack_dump(struct netdev_stack **out, size_t *count)
{
	char buf[512];
	struct nlmsghdr *m = netlink_link_message(buf, RTM_GETLINK, 0);
	struct stack_list list = {0};
	int err;

	m->nlmsg_flags = NLM_F_DUMP;
	err = netlink_talk(m, on_stack, &list);
	if (err)
		free(list.at);
	*out = err ? NULL : list.at;
	*count = err ? 0 : list.count;
	return err;
}

bool netdev_stack_is_macvlan(const struct netdev_stack *dev)
{
	return dev->kind == NETDEV_UPPER && is_macvlan_kind(dev->info_kind);
}

const struct netdev_stack *netdev_stack_find(const struct netdev_stack *all, size_t count, int ifindex)
{
	for (size_t i = 0; i < count; i++)
		if (all[i].ifindex == ifindex)
			return &all[i];
	return NULL;
}

int netdev_stack_get(int ifindex, struct netdev_stack *out)
{
	char buf[512];
	struct stack_list list = {0};
	int err = netlink_talk(netlink_link_message(buf, RTM_GETLINK, ifindex), on_stack, &list);

	if (!err && list.count == 1)
		*out = list.at[0];
	else if (!err)
		err = -ENODEV;
	free(list.at);
	return err;
}
