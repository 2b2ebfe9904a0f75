/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "gre.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <ifaddrs.h>
#include <string.h>

#include "lib/log.h"
#include "maps/slots.h"

/* ---- addresses ---- */

static struct in_addr in_addr_of(const struct sockaddr *sa)
{
	struct sockaddr_in sin;

	memcpy(&sin, sa, sizeof(sin));
	return sin.sin_addr;
}

/* The last address of a subnet is its broadcast to the kernel, whatever else it is told; not with /31 (RFC 3021). */
static struct gre_address address_of(const struct ifaddrs *i)
{
	const struct in_addr addr = in_addr_of(i->ifa_addr), mask = in_addr_of(i->ifa_netmask);
	const uint32_t broadcast = ntohl(mask.s_addr) < 0xfffffffe ? addr.s_addr | ~mask.s_addr : 0;
	struct gre_address a;

	memcpy(a.addr, &addr, sizeof(a.addr));
	memcpy(a.broadcast, &broadcast, sizeof(a.broadcast));
	return a;
}

static void add_addresses(struct gre_port *g, const char *dev, const struct ifaddrs *all)
{
	for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
		if (!i->ifa_addr || !i->ifa_netmask || i->ifa_addr->sa_family != AF_INET ||
		    strcmp(i->ifa_name, dev) != 0)
			continue;
		if (g->address_count == GRE_ADDRESSES_MAX) {
			log_warning("%s: more than %d addresses: GRE does not know those beyond", dev,
				    GRE_ADDRESSES_MAX);
			return;
		}
		g->addresses[g->address_count++] = address_of(i);
	}
}

static bool has_address(const struct gre_port *g, const uint8_t addr[4])
{
	for (uint32_t i = 0; i < g->address_count; i++)
		if (memcmp(g->addresses[i].addr, addr, 4) == 0)
			return true;
	return false;
}

static bool is_anywhere(const struct ifaddrs *all, const uint8_t addr[4])
{
	for (const struct ifaddrs *i = all; i; i = i->ifa_next)
		if (i->ifa_addr && i->ifa_addr->sa_family == AF_INET) {
			const struct in_addr there = in_addr_of(i->ifa_addr);

			if (memcmp(&there, addr, 4) == 0)
				return true;
		}
	return false;
}

/* ---- peers ---- */

/* One copy a host, whatever connections there are to it. */
static void add_peer(struct gre_port *g, const char *dev, const uint8_t local[4], const uint8_t remote[4])
{
	char text[ADDR_TEXT];

	for (uint32_t i = 0; i < g->peer_count; i++)
		if (memcmp(g->peers[i].remote, remote, 4) == 0)
			return;
	if (g->peer_count == GRE_PEERS_MAX) {
		log_warning("%s: %s gets no multicast: it is beyond %d peers with gre = yes", dev,
			    addr_text(remote, text), GRE_PEERS_MAX);
		return;
	}
	memcpy(g->peers[g->peer_count].local, local, 4);
	memcpy(g->peers[g->peer_count++].remote, remote, 4);
}

/* Of a mesh those that have an SA; the map is made anew when one comes or goes. */
static void add_mesh(struct gre_port *g, const char *dev, const struct maps *maps, const struct connection_config *c)
{
	for (uint32_t slot = 0; slot < maps->slots; slot++) {
		const struct sa_state *sa = &maps->sa[slot];

		if (slot_in_use(slot_generation(maps->sa, slot)) && sa->direction == SA_OUTBOUND &&
		    (sa->flags & SA_GRE) && memcmp(sa->src, c->local, 4) == 0 && prefix_covers(&c->remote, sa->dst))
			add_peer(g, dev, sa->src, sa->dst);
	}
}

static struct gre_source source_of(const struct prefix *remote)
{
	const uint32_t mask = htonl(remote->len ? UINT32_MAX << (32 - remote->len) : 0);
	struct gre_source s;

	memcpy(s.prefix, remote->addr, sizeof(s.prefix));
	memcpy(s.mask, &mask, sizeof(s.mask));
	return s;
}

static bool had_source(const struct gre_port *before, const struct gre_source *s)
{
	for (uint32_t i = 0; i < before->source_count; i++)
		if (memcmp(&before->sources[i], s, sizeof(*s)) == 0)
			return true;
	return false;
}

static void add_connection(struct gre_port *g, const char *dev, const struct maps *maps,
			   const struct connection_config *c)
{
	if (g->source_count == GRE_SOURCES_MAX) {
		log_warning("[connection %s]: no GRE: %s has %d connections with gre = yes already", c->name, dev,
			    GRE_SOURCES_MAX);
		return;
	}
	g->sources[g->source_count++] = source_of(&c->remote);
	if (c->remote.len == 32)
		add_peer(g, dev, c->local, c->remote.addr);
	else
		add_mesh(g, dev, maps, c);
}

/* ---- the map ---- */

/* While a connection's address is on no interface at all, the NIC that had it stays closed for its multicast. */
static bool is_on_nic(const struct gre_port *g, const struct gre_port *before, const struct ifaddrs *all,
		      const struct connection_config *c)
{
	const struct gre_source s = source_of(&c->remote);

	return has_address(g, c->local) || (!is_anywhere(all, c->local) && had_source(before, &s));
}

static void fill(struct gre_port *g, const struct gre_port *before, const char *dev, const struct ifaddrs *all,
		 const struct maps *maps, const struct config *config)
{
	add_addresses(g, dev, all);
	for (unsigned i = 0; i < config->connection_count; i++) {
		const struct connection_config *c = &config->connections[i];

		if (c->gre && is_on_nic(g, before, all, c))
			add_connection(g, dev, maps, c);
	}
}

static void write_port(const struct maps *maps, uint32_t port, const struct gre_port *g)
{
	if (g->source_count == 0)
		bpf_map_delete_elem(maps->gre, &port);
	else if (bpf_map_update_elem(maps->gre, &port, g, BPF_ANY) < 0)
		log_warning("map gre: %s", strerror(errno));
}

void gre_sync(const struct maps *maps, const struct nics *nics, const struct config *config)
{
	struct ifaddrs *all;

	if (getifaddrs(&all) < 0) {
		log_warning("addresses of this host: %s; GRE goes on as before", strerror(errno));
		return;
	}
	for (uint32_t port = 0; port < PORTS_MAX; port++) {
		const struct nic *nic = &nics->nic[port];
		struct gre_port g = {0}, before = {0};

		/* What an earlier run left for a NIC that is not attached yet, or is gone for now, keeps its gate
		 * closed. */
		if (!nic->used || !nic->present)
			continue;
		bpf_map_lookup_elem(maps->gre, &port, &before);
		fill(&g, &before, nic->config.name, all, maps, config);
		write_port(maps, port, &g);
	}
	freeifaddrs(all);
}

void gre_report(const struct maps *maps, const struct config *config)
{
	for (unsigned i = 0; i < config->connection_count; i++) {
		const struct connection_config *c = &config->connections[i];
		const struct gre_source s = source_of(&c->remote);
		char text[ADDR_TEXT];
		bool there = !c->gre;

		for (uint32_t port = 0; port < PORTS_MAX && !there; port++) {
			struct gre_port g;

			there = bpf_map_lookup_elem(maps->gre, &port, &g) == 0 && had_source(&g, &s);
		}
		if (!there)
			log_warning(
				"[connection %s]: gre = yes, and no attached NIC has %s itself: its multicast is not "
				"protected: attach the NIC, or give it the address",
				c->name, addr_text(c->local, text));
	}
}
