/* SPDX-License-Identifier: BSD-2-Clause */
#include "probe_way.h"

#include <bpf/bpf.h>
#include <linux/icmp.h>
#include <netinet/in.h>
#include <string.h>

#include "netdev.h"
#include "parse.h"
#include "slots.h"

/* A VLAN on a VLAN on the NIC. */
#define VLANS_MAX 2

/* ICMP's type and code, where a rule has ports. */
#define ECHO_REQUEST (ICMP_ECHO << 8)

static bool rule_takes_echo(const struct spd_rule *r, const uint8_t local[4])
{
	return (addr_is_zero(r->local) || memcmp(r->local, local, 4) == 0) && (!r->proto || r->proto == IPPROTO_ICMP) &&
	       r->local_port_min <= ECHO_REQUEST && r->local_port_max >= ECHO_REQUEST &&
	       r->remote_port_min <= ECHO_REQUEST && r->remote_port_max >= ECHO_REQUEST;
}

/* The rule that decides, as in bpf/policy.h. False: none. */
static bool find_rule(const struct maps *maps, const uint8_t local[4], const uint8_t remote[4], struct spd_rule *out)
{
	struct spd_key key = {.prefixlen = 32};
	struct spd_entry entry;

	memcpy(key.remote, remote, sizeof(key.remote));
	if (bpf_map_lookup_elem(maps->spd, &key, &entry) < 0)
		return false;
	for (uint32_t i = 0; i < entry.count && i < SPD_RULES_MAX; i++)
		if (rule_takes_echo(&entry.rules[i], local)) {
			*out = entry.rules[i];
			return true;
		}
	return false;
}

static bool is_bound(const struct maps *maps, const uint8_t local[4], const uint8_t remote[4], uint16_t proto)
{
	struct sad_out_key key = {.proto = proto};
	struct sad_out_value out;

	memcpy(key.src, local, sizeof(key.src));
	memcpy(key.dst, remote, sizeof(key.dst));
	return bpf_map_lookup_elem(maps->sad_out, &key, &out) == 0 && out.slot < SLOTS_MAX &&
	       slot_generation(maps->sa, out.slot) == out.generation && maps->sa[out.slot].owner == OWNER_IKE;
}

/* As find_binding() in bpf/egress.h. */
static bool has_sa(const struct maps *maps, const uint8_t local[4], const uint8_t remote[4], const struct spd_rule *r)
{
	return (r->proto && is_bound(maps, local, remote, r->proto)) || is_bound(maps, local, remote, 0);
}

static bool is_attached(const struct nics *nics, int ifindex)
{
	for (unsigned i = 0; i < PORTS_MAX; i++)
		if (nics->nic[i].used && nics->nic[i].present && nics->nic[i].dev.ifindex == ifindex)
			return true;
	return false;
}

static bool is_gated(const struct nics *nics, int ifindex)
{
	for (unsigned depth = 0; depth <= VLANS_MAX && ifindex; depth++) {
		if (is_attached(nics, ifindex))
			return true;
		ifindex = netdev_below_vlan(ifindex);
	}
	return false;
}

enum probe_way probe_way(const struct maps *maps, const struct nics *nics, const uint8_t local[4],
			 const uint8_t remote[4], int *ifindex)
{
	struct spd_rule rule;

	if (!find_rule(maps, local, remote, &rule) || rule.action != SPD_PROTECT)
		return WAY_CLEAR;
	if (!has_sa(maps, local, remote, &rule))
		return WAY_NO_SA;
	*ifindex = netdev_route(local, remote);
	if (!*ifindex)
		return WAY_NO_ROUTE;
	return is_gated(nics, *ifindex) ? WAY_SEALED : WAY_NOT_GATED;
}

const char *probe_way_remedy(enum probe_way way)
{
	switch (way) {
	case WAY_CLEAR:
		return "a policy bypasses or discards ICMP between the two: 'policy list' shows it";
	case WAY_NOT_GATED:
		return "the route to the peer leaves by an interface that is not attached: 'attach' it";
	default:
		return NULL;
	}
}
