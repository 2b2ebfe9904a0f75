/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "netdev.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ethtool.h"
#include "netlink.h"
#include "nic_driver.h"

/* ---- reading ---- */

static void take_attribute(const struct nlattr *a, struct netdev *out)
{
	switch (mnl_attr_get_type(a)) {
	case IFLA_IFNAME:
		if (mnl_attr_validate(a, MNL_TYPE_NUL_STRING) == 0)
			snprintf(out->name, sizeof(out->name), "%s", mnl_attr_get_str(a));
		break;
	case IFLA_MTU:
		if (mnl_attr_validate(a, MNL_TYPE_U32) == 0)
			out->mtu = mnl_attr_get_u32(a);
		break;
	case IFLA_NUM_RX_QUEUES:
		if (mnl_attr_validate(a, MNL_TYPE_U32) == 0)
			out->rx_queues = mnl_attr_get_u32(a);
		break;
	case IFLA_NUM_TX_QUEUES:
		if (mnl_attr_validate(a, MNL_TYPE_U32) == 0)
			out->tx_queues = mnl_attr_get_u32(a);
		break;
	case IFLA_ADDRESS:
		if (mnl_attr_get_payload_len(a) == sizeof(out->mac))
			memcpy(out->mac, mnl_attr_get_payload(a), sizeof(out->mac));
		break;
	}
}

bool netdev_parse(const struct nlmsghdr *message, struct netdev *out)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(message);
	const struct nlattr *a;

	*out = (struct netdev){0};
	if (mnl_nlmsg_get_payload_len(message) < sizeof(*info))
		return false;
	out->ifindex = info->ifi_index;
	out->flags = info->ifi_flags;
	out->type = info->ifi_type;
	mnl_attr_for_each(a, message, sizeof(*info)) take_attribute(a, out);
	return out->name[0] != '\0';
}

static int on_link(const struct nlmsghdr *message, void *arg)
{
	return netdev_parse(message, arg) ? MNL_CB_OK : MNL_CB_ERROR;
}

int netdev_get(const char *name, struct netdev *out, struct fault *f)
{
	char buf[512];
	struct nlmsghdr *m = netlink_link_message(buf, RTM_GETLINK, 0);
	int err;

	if (strlen(name) >= IF_NAMESIZE)
		return fault(f, ENODEV, "%.40s: no interface has so long a name", name);
	mnl_attr_put_strz(m, IFLA_IFNAME, name);
	*out = (struct netdev){0};
	err = netlink_talk(m, on_link, out);
	if (err == -ENODEV || (!err && out->ifindex == 0))
		return fault(f, ENODEV, "%s: no such interface here: 'ip link' lists them", name);
	return err ? fault(f, -err, "%s: %s", name, strerror(-err)) : 0;
}

bool netdev_is_gone(int ifindex)
{
	struct netdev dev;
	char buf[512];

	return netlink_talk(netlink_link_message(buf, RTM_GETLINK, ifindex), on_link, &dev) == -ENODEV;
}

/* A kernel may have more of them, or less. */
static void take_stats(const struct nlattr *a, struct rtnl_link_stats64 *out)
{
	const size_t len = mnl_attr_get_payload_len(a);

	if (mnl_attr_get_type(a) == IFLA_STATS_LINK_64)
		memcpy(out, mnl_attr_get_payload(a), len < sizeof(*out) ? len : sizeof(*out));
}

static int on_stats(const struct nlmsghdr *message, void *arg)
{
	const struct nlattr *a;

	mnl_attr_for_each(a, message, sizeof(struct if_stats_msg)) take_stats(a, arg);
	return MNL_CB_OK;
}

bool netdev_tx_dropped(int ifindex, uint64_t *dropped)
{
	struct rtnl_link_stats64 stats = {0};
	char buf[512];
	struct nlmsghdr *m = mnl_nlmsg_put_header(buf);
	struct if_stats_msg *wanted = mnl_nlmsg_put_extra_header(m, sizeof(*wanted));

	m->nlmsg_type = RTM_GETSTATS;
	wanted->ifindex = (uint32_t)ifindex;
	wanted->filter_mask = IFLA_STATS_FILTER_BIT(IFLA_STATS_LINK_64);
	if (netlink_talk(m, on_stats, &stats) < 0)
		return false;
	*dropped = stats.tx_dropped;
	return true;
}

static int on_filter(const struct nlmsghdr *message, void *arg)
{
	bool *found = arg;

	*found |= message->nlmsg_type == RTM_NEWTFILTER;
	return MNL_CB_OK;
}

bool netdev_has_tc_filters(int ifindex)
{
	const uint32_t parents[] = {TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS), TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS)};
	bool found = false;

	for (size_t i = 0; i < 2; i++) {
		char buf[512];
		struct nlmsghdr *m = mnl_nlmsg_put_header(buf);
		struct tcmsg *tc = mnl_nlmsg_put_extra_header(m, sizeof(*tc));

		m->nlmsg_type = RTM_GETTFILTER;
		m->nlmsg_flags = NLM_F_DUMP;
		tc->tcm_ifindex = ifindex;
		tc->tcm_parent = parents[i];
		if (netlink_talk(m, on_filter, &found) < 0)
			return true;
	}
	return found;
}

/* ---- setting ---- */

static void put_mac_and_mtu(struct nlmsghdr *m, const uint8_t mac[6], uint32_t mtu)
{
	mnl_attr_put(m, IFLA_ADDRESS, 6, mac);
	mnl_attr_put_u32(m, IFLA_MTU, mtu);
}

int netdev_set(int ifindex, const uint8_t mac[6], uint32_t mtu, struct fault *f)
{
	char buf[512];
	struct nlmsghdr *m = netlink_link_message(buf, RTM_NEWLINK, ifindex);
	int err;

	put_mac_and_mtu(m, mac, mtu);
	err = netlink_talk(m, NULL, NULL);
	return err ? fault(f, -err, "interface %d: address and MTU: %s", ifindex, strerror(-err)) : 0;
}

void netdev_remove(int ifindex)
{
	char buf[512];

	netlink_talk(netlink_link_message(buf, RTM_DELLINK, ifindex), NULL, NULL);
}

/* Without a link-local address the kernel has nothing of its own to say through it. A kernel without IPv6 refuses. */
static void no_ipv6_address(int ifindex)
{
	char buf[512];
	struct nlmsghdr *m = netlink_link_message(buf, RTM_NEWLINK, ifindex);
	struct nlattr *families = mnl_attr_nest_start(m, IFLA_AF_SPEC);
	struct nlattr *inet6 = mnl_attr_nest_start(m, AF_INET6);

	mnl_attr_put_u8(m, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	mnl_attr_nest_end(m, inet6);
	mnl_attr_nest_end(m, families);
	netlink_talk(m, NULL, NULL);
}

int netdev_bring_up_tap(int ifindex, const uint8_t mac[6], uint32_t mtu, uint32_t queue_length, struct fault *f)
{
	char buf[512];
	struct nlmsghdr *m;
	struct ifinfomsg *info;
	int err;

	no_ipv6_address(ifindex);
	m = netlink_link_message(buf, RTM_NEWLINK, ifindex);
	info = mnl_nlmsg_get_payload(m);
	info->ifi_flags = info->ifi_change = IFF_UP | IFF_NOARP;
	put_mac_and_mtu(m, mac, mtu);
	mnl_attr_put_u32(m, IFLA_TXQLEN, queue_length);
	err = netlink_talk(m, NULL, NULL);
	return err ? fault(f, -err, "interface %d: bringing the TAP up: %s", ifindex, strerror(-err)) : 0;
}

/* ---- ethtool ---- */

uint32_t netdev_queues(const struct netdev *dev)
{
	struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};

	if (ethtool_ask(dev->name, &channels) == 0 && channels.rx_count + channels.combined_count > 0)
		return channels.rx_count + channels.combined_count;
	return dev->rx_queues ? dev->rx_queues : 1;
}

uint32_t netdev_tx_queues(const struct netdev *dev)
{
	struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};

	if (ethtool_ask(dev->name, &channels) == 0 && channels.tx_count + channels.combined_count > 0)
		return channels.tx_count + channels.combined_count;
	return dev->tx_queues ? dev->tx_queues : 1;
}

void netdev_keep_vlan_tags(const char *name)
{
	if (nic_driver_flag(name, ETH_FLAG_RXVLAN))
		nic_driver_flag_set(name, ETH_FLAG_RXVLAN, false);
}

/* /sys may be another namespace's ('nsenter --net' leaves it): a sysfs of our own, never attached anywhere, is not. */
static int open_sysfs(void)
{
	int err, mount = -1, fs = fsopen("sysfs", FSOPEN_CLOEXEC);

	if (fs < 0)
		return -errno;
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		mount = fsmount(fs, FSMOUNT_CLOEXEC, 0);
	err = errno;
	close(fs);
	return mount < 0 ? -err : mount;
}

int netdev_threaded_napi(const char *name, bool on)
{
	char path[sizeof("class/net//threaded") + IF_NAMESIZE];
	int err = 0, fd, sysfs = open_sysfs();

	if (sysfs < 0)
		return sysfs;
	snprintf(path, sizeof(path), "class/net/%s/threaded", name);
	fd = openat(sysfs, path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, on ? "1" : "0", 1) < 0)
		err = -errno;
	if (fd >= 0)
		close(fd);
	close(sysfs);
	return err;
}
