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

void gates_remove(const struct maps *maps, uint32_t ifindex)
{
	bpf_map_delete_elem(maps->gates, &ifindex);
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

static void write_covered(const struct maps *maps, const struct cover *c)
{
	for (size_t i = 0; i < c->count; i++) {
		const uint32_t ifindex = (uint32_t)c->all[i].ifindex;
		const struct gate covered = {.kind = GATE_COVERED, .port = PORT_NONE, .nic = ifindex};
		const unsigned kind = gates_get(maps, ifindex).kind;

		if (c->covered[i] && !kind)
			put(maps, ifindex, &covered, NULL);
		else if (!c->covered[i] && kind == GATE_COVERED)
			gates_remove(maps, ifindex);
	}
}

static void forget_gone(const struct maps *maps, const struct cover *c)
{
	uint32_t ifindex, next;
	bool more = bpf_map_get_next_key(maps->gates, NULL, &ifindex) == 0;

	while (more) {
		more = bpf_map_get_next_key(maps->gates, &ifindex, &next) == 0;
		if (!cover_has(c, (int)ifindex))
			gates_remove(maps, ifindex);
		ifindex = next;
	}
}

void gates_cover(const struct maps *maps)
{
	struct cover c;

	if (cover_find(&c, is_attached, maps))
		return;
	write_covered(maps, &c);
	forget_gone(maps, &c);
	cover_free(&c);
}
