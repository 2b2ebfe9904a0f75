/* SPDX-License-Identifier: BSD-2-Clause */
#include "nic_kind.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * A bond's packets are received on its ports' queues, where an AF_XDP socket of its own hears none. A VLAN and an
 * ipvlan could be served, but what they carry passes the NIC below, which serves all of them at once, and natively. A
 * bridge, a macvlan, a tunnel may be a host's only interface, and works, in generic mode.
 */
static const struct {
	const char *kind;
	const char *what;
	const char *instead; /* where no names are known */
} refused[] = {
	{"bond", "a bond: ESP arrives on its ports", "its ports, once it has some"},
	{"team", "a team: ESP arrives on its ports", "its ports, once it has some"},
	{"hsr", "an HSR interface: each packet comes by both its ports",
	 "neither, but what the peer is reached by otherwise"},
	{"vrf", "a VRF: it has no wire", "its interfaces, once it has some"},
	{"vlan", "a VLAN: it is protected with the NIC below it", "that, in its network namespace"},
	{"ipvlan", "an ipvlan: it is protected with the NIC below it", "that, in its network namespace"},
	{"ipvtap", "an ipvtap: it is protected with the NIC below it", "that, in its network namespace"},
};
#define REFUSED (sizeof(refused) / sizeof(refused[0]))

int nic_kind_judge(const char *name, const struct netdev_stack *dev, const char *instead, struct fault *f)
{
	for (size_t i = 0; i < REFUSED; i++) {
		if (strcmp(refused[i].kind, dev->info_kind) != 0)
			continue;
		if (!instead[0] || strcmp(dev->info_kind, "hsr") == 0)
			instead = refused[i].instead;
		return fault(f, EINVAL, "%s: %s: attach %s%s", name, refused[i].what, instead,
			     dev->has_shortcuts ? ", and have it be private or vepa: it is closed else, as what is for "
						  "another on that NIC would not pass it"
						: "");
	}
	return 0;
}

/* ---- names ---- */

static void add_name(char *text, int ifindex, bool last)
{
	const size_t used = strlen(text);
	char name[IF_NAMESIZE];

	if (if_indextoname((unsigned)ifindex, name))
		snprintf(text + used, NIC_KIND_TEXT - used, "%s%s", !used ? "" : last ? " and " : ", ", name);
}

static void name_ports(int master, char *text)
{
	struct netdev_stack *all;
	size_t count, more = 0;

	if (netdev_stack_dump(&all, &count))
		return;
	for (size_t i = 0; i < count; i++)
		more += all[i].master == master;
	for (size_t i = 0; i < count; i++)
		if (all[i].master == master)
			add_name(text, all[i].ifindex, --more == 0);
	free(all);
}

int nic_kind_check(const char *name, int ifindex, struct fault *f)
{
	char instead[NIC_KIND_TEXT] = "";
	struct netdev_stack dev;

	/* Hardware and most others need no names. */
	if (netdev_stack_get(ifindex, &dev) || nic_kind_judge(name, &dev, "", f) == 0)
		return 0;
	if (dev.kind == NETDEV_UPPER && dev.below)
		add_name(instead, dev.below, true);
	else if (dev.kind != NETDEV_UPPER)
		name_ports(ifindex, instead);
	return nic_kind_judge(name, &dev, instead, f);
}

/* ---- two that are not apart ---- */

struct pile {
	struct netdev_stack *all;
	size_t count;
};

/* Going up from the lower one: to its master, and to whatever is on it. The kernel has no circles, nor piles of more
 * storeys. */
static bool stands_on(const struct pile *p, int upper, int lower, int storeys)
{
	const struct netdev_stack *dev = netdev_stack_find(p->all, p->count, lower);

	if (upper == lower)
		return true;
	if (!dev || !storeys)
		return false;
	if (dev->master && stands_on(p, upper, dev->master, storeys - 1))
		return true;
	for (size_t i = 0; i < p->count; i++)
		if (p->all[i].below == lower && stands_on(p, upper, p->all[i].ifindex, storeys - 1))
			return true;
	return false;
}

int nic_kind_check_apart(int ifindex, int attached, struct fault *f)
{
	char name[IF_NAMESIZE] = "?", other[IF_NAMESIZE] = "?";
	bool above, below;
	struct pile p;

	if (ifindex == attached || netdev_stack_dump(&p.all, &p.count))
		return 0;
	above = stands_on(&p, ifindex, attached, 8);
	below = stands_on(&p, attached, ifindex, 8);
	free(p.all);
	if (!above && !below)
		return 0;
	if_indextoname((unsigned)ifindex, name);
	if_indextoname((unsigned)attached, other);
	return fault(f, EBUSY,
		     "%s: stands %s %s, which is attached: one of the two is enough, 'detach %s' if it is to be %s",
		     name, above ? "on" : "below", other, other, name);
}
