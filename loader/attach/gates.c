/* SPDX-License-Identifier: BSD-2-Clause */
#include "gates.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "cover.h"

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

void gates_expect(const struct maps *maps, uint32_t ifindex, enum port_mode mode, uint32_t egress, uint32_t ingress)
{
	struct gate gate = gates_get(maps, ifindex);

	if (gate.kind != GATE_ATTACHED || gate.mode != mode)
		return;
	gate.egress_next = egress;
	gate.ingress_next = ingress;
	put(maps, ifindex, &gate, NULL);
}

void gates_remove(const struct maps *maps, uint32_t ifindex)
{
	bpf_map_delete_elem(maps->gates, &ifindex);
}

/* Removes all others. Deleting while walking would start the walk over: the next one is asked for first. */
static void keep(const struct maps *maps, bool (*stays)(const void *arg, int ifindex), const void *arg)
{
	uint32_t ifindex, next;
	bool more = bpf_map_get_next_key(maps->gates, NULL, &ifindex) == 0;

	while (more) {
		more = bpf_map_get_next_key(maps->gates, &ifindex, &next) == 0;
		if (!stays(arg, (int)ifindex))
			gates_remove(maps, ifindex);
		ifindex = next;
	}
}

void gates_open(const struct maps *maps, uint32_t ifindex)
{
	const struct gate open = {.kind = GATE_OPEN, .port = PORT_NONE, .nic = ifindex};

	put(maps, ifindex, &open, NULL);
}

void gates_trust(const struct maps *maps, uint32_t ifindex, bool trusted)
{
	struct gate gate = gates_get(maps, ifindex);

	if (gate.kind != (trusted ? GATE_BROKEN : GATE_ATTACHED))
		return;
	gate.kind = trusted ? GATE_ATTACHED : GATE_BROKEN;
	put(maps, ifindex, &gate, NULL);
	gates_cover(maps);
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

/* ---- what stands on attached NICs ---- */

static bool is_attached(const void *arg, int ifindex)
{
	return gates_get(arg, (uint32_t)ifindex).kind == GATE_ATTACHED;
}

/* What stands on an open gate is open, until that is closed: an entry that names no NIC. */
static bool is_passable(const void *arg, int ifindex)
{
	const struct gate gate = gates_get(arg, (uint32_t)ifindex);

	return gate.kind == GATE_ATTACHED || (gate.kind == GATE_OPEN && gate.nic);
}

/* By which an SA's packets come. */
static bool brings_opened(const void *arg, int ifindex)
{
	const unsigned kind = gates_get(arg, (uint32_t)ifindex).kind;

	return kind == GATE_ATTACHED || kind == GATE_BROKEN;
}

/* What others stand on, and the gates. */
struct ground {
	const struct maps *maps;
	const struct cover *interfaces;
};

/* By which packets come that an SA has brought inside of others (bpf/opened.h). */
static bool unpacks(const void *arg, int ifindex)
{
	const struct ground *g = arg;
	const struct netdev_stack *dev = netdev_stack_find(g->interfaces->all, g->interfaces->count, ifindex);

	return dev && dev->kind == NETDEV_TUNNEL && gates_get(g->maps, (uint32_t)ifindex).kind != GATE_ATTACHED;
}

static bool is_derived(const struct gate *gate)
{
	return gate->kind == GATE_COVERED || gate->kind == GATE_PARTLY || (gate->kind == GATE_OPEN && !gate->nic);
}

/* kind: GATE_COVERED, GATE_OPEN, GATE_PARTLY, or 0 for none of them. */
static void write_derived(const struct maps *maps, uint32_t ifindex, unsigned kind)
{
	const struct gate now = gates_get(maps, ifindex);
	const struct gate derived = {
		.kind = (uint8_t)kind,
		.port = PORT_NONE,
		.nic = kind == GATE_OPEN ? 0 : ifindex,
	};

	if (now.kind && !is_derived(&now))
		return;
	if (kind && now.kind != kind)
		put(maps, ifindex, &derived, NULL);
	else if (!kind && now.kind)
		gates_remove(maps, ifindex);
}

/* Which interfaces stand on what. */
struct standing {
	struct cover guarded;  /* on attached NICs alone */
	struct cover passable; /* on those, and on NICs that are open by a person's word */
	struct cover partly;   /* on one at least by which an SA's packets come */
	struct cover unpacks;  /* on a tunnel that is not attached, among others */
	struct ground ground;
};

static unsigned derived_kind(const struct standing *s, int ifindex)
{
	if (cover_stands(&s->guarded, ifindex))
		return GATE_COVERED;
	if (cover_stands(&s->passable, ifindex))
		return GATE_OPEN;
	return cover_stands(&s->partly, ifindex) && !cover_stands(&s->unpacks, ifindex) ? GATE_PARTLY : 0;
}

static int look(const struct maps *maps, struct standing *s)
{
	int err = cover_find(&s->guarded, is_attached, maps);

	s->ground = (struct ground){maps, &s->guarded};
	if (!err)
		err = cover_find_again(&s->passable, &s->guarded, is_passable, maps, false);
	if (!err)
		err = cover_find_again(&s->partly, &s->guarded, brings_opened, maps, true);
	if (!err)
		err = cover_find_again(&s->unpacks, &s->guarded, unpacks, &s->ground, true);
	return err;
}

static void forget(struct standing *s)
{
	cover_free(&s->unpacks);
	cover_free(&s->partly);
	cover_free(&s->passable);
	cover_free(&s->guarded);
}

static bool is_there(const void *arg, int ifindex)
{
	return cover_has(arg, ifindex);
}

static bool is_port(const void *arg, int ifindex)
{
	const struct port *port = arg;

	return port->ifindex == (uint32_t)ifindex;
}

static bool are_there_macvlans(const struct cover *interfaces)
{
	size_t i = 0;

	while (i < interfaces->count && !netdev_stack_is_macvlan(&interfaces->all[i]))
		i++;
	return i < interfaces->count;
}

/* Not known for want of memory, it has none. */
static bool has_macvlan(const struct port *port, const struct cover *interfaces)
{
	struct cover above;
	bool has = false;

	if (cover_find_again(&above, interfaces, is_port, port, true))
		return false;
	for (size_t i = 0; i < above.count; i++)
		has |= above.covered[i] && netdev_stack_is_macvlan(&above.all[i]);
	cover_free(&above);
	return has;
}

/* Or of another switch of the kernel's. */
static bool is_bridged(const struct port *port, const struct cover *interfaces)
{
	const struct netdev_stack *all = interfaces->all;
	const struct netdev_stack *nic = netdev_stack_find(all, interfaces->count, (int)port->ifindex);
	const struct netdev_stack *master =
		nic && nic->master ? netdev_stack_find(all, interfaces->count, nic->master) : NULL;

	return master && (strcmp(master->info_kind, "bridge") == 0 || strcmp(master->info_kind, "openvswitch") == 0);
}

static void tell_ports(const struct maps *maps, const struct cover *interfaces)
{
	const bool macvlans = are_there_macvlans(interfaces);

	for (unsigned i = 0; maps->port && i < PORTS_MAX; i++) {
		struct port *port = &maps->port[i];

		if (!port->ifindex)
			continue;
		/* What stands on what is looked for anew for each. */
		port->keeps_mac = macvlans && has_macvlan(port, interfaces);
		port->bridged = is_bridged(port, interfaces);
	}
}

/* Of a start: who stays. */
struct start {
	const struct maps *maps;
	bool (*goes_on)(const void *arg, int ifindex);
	const void *arg;
};

static bool stays_at_start(const void *arg, int ifindex)
{
	const struct start *s = arg;

	const unsigned kind = gates_get(s->maps, (uint32_t)ifindex).kind;

	return kind == GATE_ATTACHED || kind == GATE_COVERED || kind == GATE_PARTLY ||
	       (s->goes_on && s->goes_on(s->arg, ifindex));
}

void gates_keep_attached(const struct maps *maps, bool (*goes_on)(const void *arg, int ifindex), const void *arg)
{
	const struct start start = {maps, goes_on, arg};

	keep(maps, stays_at_start, &start);
}

void gates_cover(const struct maps *maps)
{
	struct standing s = {0};

	if (look(maps, &s) == 0) {
		for (size_t i = 0; i < s.guarded.count; i++) {
			const int ifindex = s.guarded.all[i].ifindex;

			write_derived(maps, (uint32_t)ifindex, derived_kind(&s, ifindex));
		}
		keep(maps, is_there, &s.guarded);
		tell_ports(maps, &s.guarded);
	}
	forget(&s);
}
