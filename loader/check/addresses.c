/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "addresses.h"

#include <errno.h>
#include <ifaddrs.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "lib/fault.h"
#include "net/local_addr.h"
#include "net/route.h"

/* IPv4 alone, in host order. */
static uint32_t ipv4_of(const struct sockaddr *addr)
{
	struct sockaddr_in sin;

	memcpy(&sin, addr, sizeof(sin));
	return ntohl(sin.sin_addr.s_addr);
}

static bool is_ipv4(const struct ifaddrs *i)
{
	return i->ifa_addr && i->ifa_addr->sa_family == AF_INET && i->ifa_netmask;
}

/* The first address of a network that this host is in; of 31 bits or 32 there is none (RFC 3021). */
static bool is_network(const uint8_t addr[4], unsigned *len)
{
	const uint32_t wanted = (uint32_t)addr[0] << 24 | (uint32_t)addr[1] << 16 | (uint32_t)addr[2] << 8 | addr[3];
	struct ifaddrs *all;
	bool found = false;

	if (getifaddrs(&all) < 0)
		return false;
	for (const struct ifaddrs *i = all; i && !found; i = i->ifa_next) {
		const uint32_t mask = is_ipv4(i) ? ipv4_of(i->ifa_netmask) : UINT32_MAX;

		found = mask < 0xfffffffe && (ipv4_of(i->ifa_addr) & mask) == wanted;
		*len = (unsigned)__builtin_popcount(mask);
	}
	freeifaddrs(all);
	return found;
}

bool check_remote(struct report *r, const struct connection_config *c)
{
	struct route_question q = {.proto = 0};
	struct route route;
	char text[ADDR_TEXT];
	struct fault f, remedy;
	unsigned len;

	if (c->remote.len < 32)
		return true;
	memcpy(q.dst, c->remote.addr, sizeof(q.dst));
	addr_text(c->remote.addr, text);
	if (route_get(&q, &route))
		return true;
	if (is_network(c->remote.addr, &len)) {
		fault(&f, EINVAL, "remote = %s is a network, and no host", text);
		fault(&remedy, EINVAL, "for all hosts in it: remote = %s/%u", text, len);
		report_say(r, LEVEL_FAIL, c->name, f.text, remedy.text);
	} else if (route.type == RTN_LOCAL) {
		fault(&f, EINVAL, "remote = %s is this host's own address", text);
		report_say(r, LEVEL_FAIL, c->name, f.text, "remote is the peer's; 'ip address' lists this host's");
	} else if (route.type == RTN_BROADCAST) {
		fault(&f, EINVAL, "remote = %s is the broadcast address of a network here", text);
		report_say(r, LEVEL_FAIL, c->name, f.text, "an SA is between two hosts: give the peer's own address");
	} else {
		return true;
	}
	return false;
}

void check_source(struct report *r, const struct policy_config *p)
{
	const uint8_t *src = p->policy.rule.local;
	char text[ADDR_TEXT], question[64];
	enum locality where;
	struct fault f;

	if (addr_is_zero(src) || local_addr_find(src, &where) || where != ADDR_REMOTE)
		return;
	addr_text(src, text);
	fault(&f, EADDRNOTAVAIL, "src = %s is no address of this host now, so the policy is for nothing%s", text,
	      local_addr_question(text, question, sizeof(question)));
	report_say(r, LEVEL_WARN, p->name, f.text, *question ? NULL : "'ip address' lists them; dst is the peer");
}

/* ---- the way back ---- */

static int setting(const char *dev)
{
	char path[96];
	int value = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/rp_filter", dev);
	file = fopen(path, "re");
	if (file && fscanf(file, "%d", &value) != 1)
		value = 0;
	if (file)
		fclose(file);
	return value;
}

/* As the kernel has it: the greater of the two counts (Documentation/networking/ip-sysctl). */
static bool is_strict(const char *dev)
{
	const int all = setting("all"), own = setting(dev);

	return (all > own ? all : own) == 1;
}

static bool find_interface(const uint8_t addr[4], char dev[IF_NAMESIZE])
{
	struct ifaddrs *all;
	bool found = false;
	struct sockaddr_in sin;

	if (getifaddrs(&all) < 0)
		return false;
	for (const struct ifaddrs *i = all; i && !found; i = i->ifa_next) {
		if (!is_ipv4(i) || (i->ifa_flags & IFF_LOOPBACK))
			continue;
		memcpy(&sin, i->ifa_addr, sizeof(sin));
		found = memcmp(&sin.sin_addr, addr, 4) == 0;
		/* A label, as eth0:1, is of eth0. */
		snprintf(dev, IF_NAMESIZE, "%.*s", (int)strcspn(i->ifa_name, ":"), i->ifa_name);
	}
	freeifaddrs(all);
	return found;
}

void check_reverse_path(struct report *r, const struct connection_config *c, const char *dev)
{
	char own[IF_NAMESIZE], text[ADDR_TEXT];
	struct fault f, remedy;

	if (!find_interface(c->local, own) || strcmp(own, dev) == 0 || !is_strict(own))
		return;
	fault(&f, EINVAL,
	      "%s has the local address %s, but packets to the peer leave by %s: rp_filter = 1 drops what comes by %s",
	      own, addr_text(c->local, text), dev, own);
	fault(&remedy, EINVAL, "sysctl net.ipv4.conf.%s.rp_filter=2, or a route by %s", own, own);
	report_say(r, LEVEL_WARN, c->name, f.text, remedy.text);
}
