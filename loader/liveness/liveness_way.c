/* SPDX-License-Identifier: BSD-2-Clause */
#include "liveness_way.h"

#include <bpf/bpf.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <string.h>

#include "attach/gates.h"
#include "maps/selector.h"
#include "maps/slots.h"
#include "net/netdev.h"
#include "policy/parse.h"

/* type: of ICMP, which stands with the code where others have ports. */
static bool rule_takes(const struct spd_rule *r, const uint8_t local[4], uint8_t type)
{
	const struct selector sel = selector_of_rule(r);
	const uint16_t code = (uint16_t)(type << 8);

	return (addr_is_zero(r->local) || memcmp(r->local, local, 4) == 0) &&
	       selector_takes(&sel, IPPROTO_ICMP, code, code);
}

/* The rule that decides, as in bpf/policy.h, if it is one that protects. Where a cover does there is no SA to probe. */
static bool is_protected(const struct maps *maps, const uint8_t local[4], const uint8_t remote[4], uint8_t type,
			 struct spd_rule *out)
{
	struct spd_key key = {.prefixlen = 32};
	struct spd_entry entry;

	memcpy(key.remote, remote, sizeof(key.remote));
	if (bpf_map_lookup_elem(maps->spd, &key, &entry) < 0)
		return false;
	for (uint32_t i = 0; i < entry.count && i < SPD_RULES_MAX; i++)
		if (rule_takes(&entry.rules[i], local, type)) {
			*out = entry.rules[i];
			return out->action == SPD_PROTECT;
		}
	return false;
}

static bool is_bound(const struct maps *maps, const uint8_t local[4], const uint8_t remote[4],
		     const struct selector *sel)
{
	struct sad_out_key key = {.sel = *sel};
	struct sad_out_value out;

	memcpy(key.src, local, sizeof(key.src));
	memcpy(key.dst, remote, sizeof(key.dst));
	return bpf_map_lookup_elem(maps->sad_out, &key, &out) == 0 && out.slot < SLOTS_MAX &&
	       slot_generation(maps->sa, out.slot) == out.generation && maps->sa[out.slot].owner == OWNER_IKE;
}

/* As find_binding() in bpf/egress.h, but for SAs that the peer has narrowed to single ports. */
static bool has_sa(const struct maps *maps, const uint8_t local[4], const uint8_t remote[4], const struct spd_rule *r)
{
	const struct selector exact = selector_of_rule(r);
	const struct selector icmp = {SELECTOR_ANY_PORT, .proto = IPPROTO_ICMP}, all = {SELECTOR_ANY_PORT};
	const bool may_be_wider = r->owner != OWNER_IKE;

	return is_bound(maps, local, remote, &exact) ||
	       ((may_be_wider || !r->proto) && is_bound(maps, local, remote, &icmp)) ||
	       (may_be_wider && is_bound(maps, local, remote, &all));
}

enum liveness_way liveness_way(const struct maps *maps, const uint8_t local[4], const uint8_t remote[4], int *ifindex)
{
	struct spd_rule rule, back;
	struct route route;

	if (!is_protected(maps, local, remote, ICMP_ECHO, &rule) ||
	    !is_protected(maps, local, remote, ICMP_ECHOREPLY, &back))
		return WAY_CLEAR;
	if (!has_sa(maps, local, remote, &rule))
		return WAY_NO_SA;
	route = netdev_route(local, remote);
	*ifindex = route.ifindex;
	if (!route.ifindex)
		return WAY_NO_ROUTE;
	if (route.encapsulates)
		return WAY_ENCAPSULATES;
	return gates_guard(maps, (uint32_t)route.ifindex) ? WAY_SEALED : WAY_NOT_GATED;
}

const char *liveness_way_remedy(enum liveness_way way)
{
	switch (way) {
	case WAY_CLEAR:
		return "a policy bypasses or discards ICMP between the two: 'policy list' shows it";
	case WAY_NOT_GATED:
		return "the route to the peer leaves by an interface that is not attached: 'attach' it";
	case WAY_ENCAPSULATES:
		return "the route to the peer encapsulates: what is protected is dropped there";
	default:
		return NULL;
	}
}
