/* SPDX-License-Identifier: BSD-2-Clause */
#include "liveness_way.h"

#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <string.h>

#include "attach/gates.h"
#include "explain/datapath.h"
#include "net/route.h"

static struct datapath_packet echo(const uint8_t from[4], const uint8_t to[4], uint8_t type)
{
	const uint16_t code = (uint16_t)(type << 8);
	struct datapath_packet p = {.proto = IPPROTO_ICMP, .sport = code, .dport = code};

	memcpy(p.src, from, sizeof(p.src));
	memcpy(p.dst, to, sizeof(p.dst));
	return p;
}

/* Where a cover decides there is no SA to probe. */
static bool is_protected(const struct maps *maps, const struct datapath_packet *p, bool out)
{
	const struct datapath_rule rule = datapath_rule(maps, p, out);

	return rule.action == SPD_PROTECT && !rule.cover;
}

/* Of those that people have added the supervisor knows nothing. */
static bool has_sa(const struct maps *maps, const struct datapath_packet *p)
{
	struct sad_out_value sa;

	return datapath_sa(maps, p, &sa) && maps->sa[sa.slot].owner == OWNER_IKE;
}

enum liveness_way liveness_way(const struct maps *maps, const uint8_t local[4], const uint8_t remote[4], int *ifindex)
{
	const struct datapath_packet request = echo(local, remote, ICMP_ECHO);
	const struct datapath_packet reply = echo(remote, local, ICMP_ECHOREPLY);
	struct route route;

	if (!is_protected(maps, &request, true) || !is_protected(maps, &reply, false))
		return WAY_CLEAR;
	if (!has_sa(maps, &request))
		return WAY_NO_SA;
	route = route_to_peer(local, remote);
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
