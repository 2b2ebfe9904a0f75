/* SPDX-License-Identifier: BSD-2-Clause */
#include "explain_firewall.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

#include "check/firewall_rules.h"
#include "check/ruleset.h"
#include "explain_steps.h"
#include "maps/selector_shared.h"

void explain_rules_read(struct explain_rules *rules)
{
	struct fault f;

	*rules = (struct explain_rules){.ruleset = NULL};
	if (ruleset_old_is_there())
		rules->unread = "of iptables-legacy, which are not looked into: 'iptables-legacy -S' has them";
	if (!ruleset_is_there())
		return;
	switch (ruleset_read(&rules->ruleset, &f)) {
	case 0:
		break;
	case -ENOENT:
		rules->unread = "of nftables, and no nft to read them by: install nftables";
		break;
	default:
		rules->unread = "of nftables, which 'nft -j list ruleset' does not show";
		break;
	}
}

void explain_rules_free(struct explain_rules *rules)
{
	cJSON_Delete(rules->ruleset);
	rules->ruleset = NULL;
}

static struct firewall_packet packet_of(const struct datapath_packet *p, const struct explain_passage *at)
{
	const bool has_ports = proto_has_ports(p->proto), is_icmp = p->proto == IPPROTO_ICMP;
	struct firewall_packet packet = {
		.way = at->way,
		.proto = p->proto,
		.sport = has_ports ? p->sport : UNKNOWN_NUMBER,
		.dport = has_ports ? p->dport : UNKNOWN_NUMBER,
		.icmp_type = is_icmp ? p->sport >> 8 : UNKNOWN_NUMBER,
		.mark = at->mark,
	};

	memcpy(packet.src, p->src, sizeof(packet.src));
	memcpy(packet.dst, p->dst, sizeof(packet.dst));
	if_indextoname((unsigned)at->dev, packet.dev);
	if_indextoname((unsigned)at->from, packet.from);
	return packet;
}

static void tell(cJSON *path, const char *fate, const char *text)
{
	cJSON_AddStringToObject(explain_step(path, "firewall", "%s", text), "fate", fate);
}

/* Not certain: perhaps only since nobody said whether the packet is the first of its connection. */
static void tell_unsure(cJSON *path, const struct explain_rules *rules, struct firewall_packet *packet,
			const char *chain)
{
	char text[FIREWALL_CHAIN_TEXT + 160], first[FIREWALL_CHAIN_TEXT];

	packet->ct_state = "new";
	if (firewall_fate(rules->ruleset, packet, first) == FIREWALL_DROPS)
		snprintf(text, sizeof(text), "%s drops it if a connection begins with it", first);
	else
		snprintf(text, sizeof(text), "%s may drop or change it: 'nft list ruleset' has its rules", chain);
	tell(path, "unsure", text);
}

bool explain_firewall_step(cJSON *path, const struct explain_rules *rules, const struct datapath_packet *p,
			   const struct explain_passage *at)
{
	struct firewall_packet packet = packet_of(p, at);
	char chain[FIREWALL_CHAIN_TEXT] = "", text[FIREWALL_CHAIN_TEXT + 16];
	enum firewall_fate fate;

	if (rules->unread)
		cJSON_AddStringToObject(explain_step(path, "firewall", "there are rules %s", rules->unread), "fate",
					"unsure");
	if (!rules->ruleset)
		return false;
	fate = firewall_fate(rules->ruleset, &packet, chain);
	snprintf(text, sizeof(text), "%s drops it", chain);
	if (fate == FIREWALL_UNSURE)
		tell_unsure(path, rules, &packet, chain);
	else
		tell(path, fate == FIREWALL_DROPS ? "drops" : "passes",
		     fate == FIREWALL_DROPS ? text : "nftables lets it by");
	return fate == FIREWALL_DROPS;
}
