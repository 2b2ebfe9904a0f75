/* SPDX-License-Identifier: BSD-2-Clause */
#include "cover.h"

#include <errno.h>
#include <stdlib.h>

static const struct netdev_stack *find(const struct cover *c, int ifindex)
{
	return netdev_stack_find(c->all, c->count, ifindex);
}

bool cover_has(const struct cover *c, int ifindex)
{
	return find(c, ifindex);
}

bool cover_stands(const struct cover *c, int ifindex)
{
	const struct netdev_stack *dev = find(c, ifindex);

	return dev && c->covered[dev - c->all];
}

bool cover_guards(const struct cover *c, int ifindex)
{
	const struct netdev_stack *dev = find(c, ifindex);

	return dev && (c->covered[dev - c->all] || c->is_attached(c->arg, ifindex));
}

/* What goes into a bridge or a bond may come out of any of its ports: all of them have to be guarded. */
static bool has_guarded_ports(const struct cover *c, int master)
{
	size_t ports = 0, guarded = 0;

	for (size_t i = 0; i < c->count; i++) {
		if (c->all[i].master != master)
			continue;
		ports++;
		guarded += cover_guards(c, c->all[i].ifindex);
	}
	return guarded && (c->any || guarded == ports);
}

static bool stands_on_guarded(const struct cover *c, const struct netdev_stack *dev)
{
	switch (dev->kind) {
	case NETDEV_UPPER:
		return (c->any || !dev->has_shortcuts) && cover_guards(c, dev->below);
	case NETDEV_MASTER:
		return has_guarded_ports(c, dev->ifindex);
	case NETDEV_VRF:
		/* A packet meets netfilter again on the interface that it leaves by, and has met it where it came in.
		 */
		return true;
	case NETDEV_TUNNEL:
	case NETDEV_OTHER:
		break;
	}
	return false;
}

/* A VLAN on a bond on a NIC takes as many rounds as there are storeys. */
static void find_covered(struct cover *c)
{
	bool more = true;

	while (more) {
		more = false;
		for (size_t i = 0; i < c->count; i++) {
			if (c->covered[i] || !stands_on_guarded(c, &c->all[i]))
				continue;
			c->covered[i] = more = true;
		}
	}
}

static int judge(struct cover *c)
{
	c->covered = calloc(c->count + 1, sizeof(*c->covered));
	if (!c->covered) {
		cover_free(c);
		return -ENOMEM;
	}
	find_covered(c);
	return 0;
}

int cover_find(struct cover *c, bool (*is_attached)(const void *arg, int ifindex), const void *arg)
{
	int err;

	*c = (struct cover){.is_attached = is_attached, .arg = arg};
	err = netdev_stack_dump(&c->all, &c->count);
	return err ? err : judge(c);
}

int cover_find_again(struct cover *c, const struct cover *before, bool (*is_attached)(const void *arg, int ifindex),
		     const void *arg, bool any)
{
	*c = *before;
	c->borrowed = true;
	c->is_attached = is_attached;
	c->arg = arg;
	c->any = any;
	return judge(c);
}

bool cover_has_shortcuts(const struct cover *c, int ifindex)
{
	const struct netdev_stack *dev = find(c, ifindex);

	return dev && dev->has_shortcuts && cover_guards(c, dev->below);
}

static int missing_below(const struct cover *c, const struct netdev_stack *dev)
{
	if (dev->kind == NETDEV_UPPER && !dev->has_shortcuts && find(c, dev->below))
		return dev->below;
	for (size_t i = 0; i < c->count && dev->kind == NETDEV_MASTER; i++)
		if (c->all[i].master == dev->ifindex && !cover_guards(c, c->all[i].ifindex))
			return c->all[i].ifindex;
	return 0;
}

int cover_missing(const struct cover *c, int ifindex)
{
	const struct netdev_stack *dev;
	int below = ifindex;

	/* No pile has as many storeys. */
	for (size_t i = 0; i < c->count && below; i++) {
		ifindex = below;
		dev = find(c, ifindex);
		below = dev ? missing_below(c, dev) : 0;
	}
	return ifindex;
}

void cover_free(struct cover *c)
{
	free(c->covered);
	if (!c->borrowed)
		free(c->all);
	*c = (struct cover){0};
}
