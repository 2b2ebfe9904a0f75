/* SPDX-License-Identifier: BSD-2-Clause */
#include "firewall.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "firewall_rules.h"
#include "lib/fault.h"
#include "ruleset.h"

#define WHAT "firewall"

void firewall_open(struct firewall *fw, struct report *r, uint32_t mark)
{
	struct fault f;
	int err;

	*fw = (struct firewall){.mark = mark};
	if (ruleset_old_is_there())
		report_say(r, LEVEL_WARN, WHAT, "there are rules of iptables-legacy, which are not looked into",
			   "see that they let UDP 500 by, and what comes out of ESP: 'iptables-legacy -S'");
	if (!ruleset_is_there())
		return;
	err = ruleset_read(&fw->ruleset, &f);
	if (err == -ENOENT)
		report_say(r, LEVEL_WARN, WHAT, "there are rules of nftables, and no nft to read them by",
			   "install nftables, or see that they let UDP 500 by, and what comes out of ESP");
	else if (err)
		report_say(r, LEVEL_WARN, WHAT, f.text, "see that the rules let UDP 500 by, and what comes out of ESP");
}

void firewall_free(struct firewall *fw)
{
	cJSON_Delete(fw->ruleset);
	fw->ruleset = NULL;
}

static struct firewall_packet packet(const struct connection_config *c, const char *dev, enum firewall_way way)
{
	const bool in = way == FIREWALL_IN;
	struct firewall_packet p = {
		.way = way,
		.proto = UNKNOWN_NUMBER,
		.sport = UNKNOWN_NUMBER,
		.dport = UNKNOWN_NUMBER,
		.icmp_type = UNKNOWN_NUMBER,
	};

	memcpy(p.src, in ? c->remote.addr : c->local, sizeof(p.src));
	memcpy(p.dst, in ? c->local : c->remote.addr, sizeof(p.dst));
	snprintf(p.dev, sizeof(p.dev), "%s", dev);
	return p;
}

/* The first message of an exchange that the one who sends it begins. */
static void check_ike(const struct firewall *fw, struct report *r, const struct connection_config *c, const char *dev,
		      enum firewall_way way)
{
	struct firewall_packet p = packet(c, dev, way);
	char chain[FIREWALL_CHAIN_TEXT], remote[PREFIX_TEXT];
	const bool in = way == FIREWALL_IN;
	struct fault f, remedy;

	p.proto = IPPROTO_UDP;
	p.sport = p.dport = 500;
	p.mark = 0;
	p.ct_state = "new";
	if (firewall_fate(fw->ruleset, &p, chain) != FIREWALL_DROPS)
		return;
	prefix_text(&c->remote, remote);
	fault(&f, EPERM, "%s drops IKE %s: %s", chain, in ? "from the peer" : "to the peer",
	      in ? "it cannot open the connection" : "this host cannot open the connection");
	fault(&remedy, EPERM, "let it by: 'ip %s %s udp dport 500 accept'", in ? "saddr" : "daddr", remote);
	report_say(r, LEVEL_WARN, c->name, f.text, remedy.text);
}

/* A port that is either end's is not known. */
static void set_selector(struct firewall_packet *p, const struct protect *protect)
{
	const struct selector *sel = &protect->sel;

	p->proto = sel->proto ? (int64_t)sel->proto : UNKNOWN_NUMBER;
	if (protect->either_end || !sel->proto)
		return;
	if (sel->local_port_min == sel->local_port_max)
		*(p->way == FIREWALL_IN ? &p->dport : &p->sport) = sel->local_port_min;
	if (sel->remote_port_min == sel->remote_port_max)
		*(p->way == FIREWALL_IN ? &p->sport : &p->dport) = sel->remote_port_min;
}

static void check_protected(const struct firewall *fw, struct report *r, const struct connection_config *c,
			    const char *dev, enum firewall_way way)
{
	char chain[FIREWALL_CHAIN_TEXT], remedy[96], sel[SELECTOR_TEXT];
	const bool in = way == FIREWALL_IN;
	struct fault f;

	for (unsigned i = 0; i < c->protect_count; i++) {
		struct firewall_packet p = packet(c, dev, way);

		set_selector(&p, &c->protects[i]);
		p.mark = in ? (int64_t)fw->mark : UNKNOWN_NUMBER;
		if (firewall_fate(fw->ruleset, &p, chain) != FIREWALL_DROPS)
			continue;
		fault(&f, EPERM, "%s drops what %s (%s)", chain, in ? "comes out of ESP" : "is to go into ESP",
		      selector_text(&c->protects[i].sel, sel));
		snprintf(remedy, sizeof(remedy),
			 in ? "rules see it in clear: 'meta mark 0x%x accept' lets by what was protected"
			    : "rules see it in clear: accept it in the output chain, as if there were no ESP",
			 fw->mark);
		report_say(r, LEVEL_WARN, c->name, f.text, remedy);
	}
}

void firewall_check(const struct firewall *fw, struct report *r, const struct connection_config *c, const char *dev)
{
	if (!fw->ruleset)
		return;
	for (enum firewall_way way = FIREWALL_IN; way <= FIREWALL_OUT; way++) {
		check_ike(fw, r, c, dev, way);
		check_protected(fw, r, c, dev, way);
	}
}
