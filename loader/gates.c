/* SPDX-License-Identifier: BSD-2-Clause */
#include "gates.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "netdev.h"

static int put(const struct maps *maps, uint32_t ifindex, const struct gate *gate, struct fault *f)
{
	if (bpf_map_update_elem(maps->gates, &ifindex, gate, BPF_ANY) < 0)
		return fault(f, errno, "map gates: interface %u: %s", ifindex, strerror(errno));
	return 0;
}

int gates_attach(const struct maps *maps, const struct gate *gate, struct fault *f)
{
	struct gate tap = *gate;
	int err = 0;

	tap.kind = GATE_TAP;
	if (gate->tap)
		err = put(maps, gate->tap, &tap, f);
	return err ? err : put(maps, gate->nic, gate, f);
}

void gates_remove(const struct maps *maps, uint32_t ifindex)
{
	bpf_map_delete_elem(maps->gates, &ifindex);
}

void gates_open(const struct maps *maps, uint32_t ifindex)
{
	const struct gate open = {.kind = GATE_OPEN, .port = PORT_NONE, .nic = ifindex};

	put(maps, ifindex, &open, NULL);
}

struct gate gates_get(const struct maps *maps, uint32_t ifindex)
{
	struct gate gate = {0};

	bpf_map_lookup_elem(maps->gates, &ifindex, &gate);
	return gate;
}

bool gates_guard(const struct maps *maps, uint32_t ifindex)
{
	const struct gate gate = gates_get(maps, ifindex);

	return gate.kind == GATE_ATTACHED || gate.kind == GATE_COVERED;
}

/* ---- what stands on what ---- */

struct cover {
	const struct maps *maps;
	struct netdev_stack *all;
	size_t count;
	bool *covered; /* by place in all */
};

static const struct netdev_stack *find(const struct cover *c, int ifindex)
{
	for (size_t i = 0; i < c->count; i++)
		if (c->all[i].ifindex == ifindex)
			return &c->all[i];
	return NULL;
}

static bool is_guarded(const struct cover *c, int ifindex)
{
	const struct netdev_stack *dev = find(c, ifindex);

	return dev && (c->covered[dev - c->all] ||
		       gates_get(c->maps, (uint32_t)ifindex).kind == GATE_ATTACHED);
}

/* What goes into a bridge or a bond may come out of any of its ports. */
static bool has_guarded_ports_only(const struct cover *c, int master)
{
	bool any = false;

	for (size_t i = 0; i < c->count; i++) {
		if (c->all[i].master != master)
			continue;
		if (!is_guarded(c, c->all[i].ifindex))
			return false;
		any = true;
	}
	return any;
}

/* A packet meets netfilter again on the interface that it leaves a VRF by, and has met it where it came into one. */
static bool stands_on_guarded(const struct cover *c, const struct netdev_stack *dev)
{
	switch (dev->kind) {
	case NETDEV_UPPER:
		return is_guarded(c, dev->below);
	case NETDEV_MASTER:
		return has_guarded_ports_only(c, dev->ifindex);
	case NETDEV_VRF:
		return true;
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

static void write_covered(const struct cover *c)
{
	for (size_t i = 0; i < c->count; i++) {
		const uint32_t ifindex = (uint32_t)c->all[i].ifindex;
		const struct gate covered = {.kind = GATE_COVERED, .port = PORT_NONE, .nic = ifindex};
		const unsigned kind = gates_get(c->maps, ifindex).kind;

		if (c->covered[i] && !kind)
			put(c->maps, ifindex, &covered, NULL);
		else if (!c->covered[i] && kind == GATE_COVERED)
			gates_remove(c->maps, ifindex);
	}
}

static void forget_gone(const struct cover *c)
{
	uint32_t ifindex, next;
	bool more = bpf_map_get_next_key(c->maps->gates, NULL, &ifindex) == 0;

	while (more) {
		more = bpf_map_get_next_key(c->maps->gates, &ifindex, &next) == 0;
		if (!find(c, (int)ifindex))
			gates_remove(c->maps, ifindex);
		ifindex = next;
	}
}

void gates_cover(const struct maps *maps)
{
	struct cover c = {.maps = maps};

	if (netdev_dump(&c.all, &c.count))
		return;
	c.covered = calloc(c.count + 1, sizeof(*c.covered));
	if (c.covered) {
		find_covered(&c);
		write_covered(&c);
		forget_gone(&c);
	}
	free(c.covered);
	free(c.all);
}
