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

static unsigned derived_kind(const struct cover *c, const struct cover *passable, const struct cover *partly,
			     int ifindex)
{
	if (cover_stands(c, ifindex))
		return GATE_COVERED;
	if (cover_stands(passable, ifindex))
		return GATE_OPEN;
	return cover_stands(partly, ifindex) ? GATE_PARTLY : 0;
}

/* passable: of the same interfaces, which have gates below that are all closed, or open by a person's word. partly:
 * which have one below by which an SA's packets come. */
static void write_covered(const struct maps *maps, const struct cover *c, const struct cover *passable,
			  const struct cover *partly)
{
	for (size_t i = 0; i < c->count; i++) {
		const int ifindex = c->all[i].ifindex;

		write_derived(maps, (uint32_t)ifindex, derived_kind(c, passable, partly, ifindex));
	}
}

static bool is_there(const void *arg, int ifindex)
{
	return cover_has(arg, ifindex);
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

	return is_attached(s->maps, ifindex) || (s->goes_on && s->goes_on(s->arg, ifindex));
}

void gates_keep_attached(const struct maps *maps, bool (*goes_on)(const void *arg, int ifindex), const void *arg)
{
	const struct start start = {maps, goes_on, arg};

	keep(maps, stays_at_start, &start);
}

void gates_cover(const struct maps *maps)
{
	struct cover c, passable = {0}, partly = {0};

	if (cover_find(&c, is_attached, maps))
		return;
	if (cover_find_again(&passable, &c, is_passable, false) == 0 &&
	    cover_find_again(&partly, &c, brings_opened, true) == 0)
		write_covered(maps, &c, &passable, &partly);
	cover_free(&passable);
	cover_free(&partly);
	keep(maps, is_there, &c);
	cover_free(&c);
}
