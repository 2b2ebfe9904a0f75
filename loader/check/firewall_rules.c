/* SPDX-License-Identifier: BSD-2-Clause */
#include "firewall_rules.h"

#include <string.h>

#include "firewall_match.h"

/* What may become of a packet, a bit each. */
enum {
	END_ACCEPT = 1 << 0,
	END_DROP = 1 << 1,
	GOES_ON = 1 << 2,  /* with the next rule */
	GOES_OUT = 1 << 3, /* of this chain, as at its end */
	CHANGES = 1 << 4,  /* is another packet from here on */
};
#define ANYTHING (END_ACCEPT | END_DROP | GOES_ON | GOES_OUT)

/* As in the kernel. */
#define DEPTH_MAX 16
/* Rules may jump to the same chain again and again: a second's worth. */
#define BUDGET 5000000

static bool is(const char *a, const char *b)
{
	return a && strcmp(a, b) == 0;
}

static unsigned walk_chain(const struct firewall_place *at, const char *chain, const struct firewall_packet *p,
			   int depth);

static unsigned jump(const struct firewall_place *at, const cJSON *target, bool returns,
		     const struct firewall_packet *p, int depth)
{
	const char *chain = json_text(target, "target");
	const unsigned ends = chain && depth > 0 ? walk_chain(at, chain, p, depth - 1) : ANYTHING;

	if (returns || !(ends & GOES_ON))
		return ends;
	return (ends & ~(unsigned)GOES_ON) | GOES_OUT;
}

/* What follows is looked at with other addresses or ports, or by somebody else. */
static bool is_change(const cJSON *statement)
{
	static const char *const names[] = {"dnat", "redirect", "tproxy", "synproxy", "fwd"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (json_item(statement, names[i]))
			return true;
	return json_item(json_item(json_item(statement, "mangle"), "key"), "payload");
}

/* 0: it is no verdict. */
static unsigned verdict(const struct firewall_place *at, const cJSON *statement, const struct firewall_packet *p,
			int depth)
{
	const cJSON *target;

	/* Which are a chain's last word, and come when all is decided. */
	if (json_item(statement, "accept") || json_item(statement, "snat") || json_item(statement, "masquerade"))
		return END_ACCEPT;
	if (is_change(statement))
		return CHANGES | GOES_ON;
	if (json_item(statement, "drop") || json_item(statement, "reject"))
		return END_DROP;
	if (json_item(statement, "return"))
		return GOES_OUT;
	if (json_item(statement, "continue"))
		return GOES_ON;
	if ((target = json_item(statement, "jump")))
		return jump(at, target, true, p, depth);
	if ((target = json_item(statement, "goto")))
		return jump(at, target, false, p, depth);
	/* Another program's, or an iptables target that nft has no words for. */
	if (json_item(statement, "queue") || is(json_text(json_item(statement, "xt"), "type"), "target"))
		return ANYTHING;
	return 0;
}

/* {"key", "data": {"set": [[VALUE, VERDICT], ...]} or "@map"} */
static unsigned verdict_map(const struct firewall_place *at, const cJSON *vmap, const struct firewall_packet *p,
			    int depth)
{
	const cJSON *data = json_item(vmap, "data"), *pair;
	const cJSON *pairs =
		cJSON_IsString(data) ? firewall_elements(at, data->valuestring + 1) : json_item(data, "set");
	unsigned ends = 0;

	cJSON_ArrayForEach(pair, pairs) {
		const enum answer answer = firewall_is(at, json_item(vmap, "key"), cJSON_GetArrayItem(pair, 0), p);
		const unsigned then = answer == ANSWER_NO ? 0 : verdict(at, cJSON_GetArrayItem(pair, 1), p, depth);

		ends |= then;
		if (answer == ANSWER_YES)
			return ends;
	}
	return ends | GOES_ON;
}

/* What only some packets pass, by what cannot be seen beforehand. */
static bool is_limit(const cJSON *statement)
{
	return json_item(statement, "limit") || json_item(statement, "quota") || json_item(statement, "ct count") ||
	       json_item(statement, "xt");
}

static unsigned walk_rule(const struct firewall_place *at, const cJSON *rule, const struct firewall_packet *p,
			  int depth)
{
	unsigned perhaps = 0;
	const cJSON *statement;

	cJSON_ArrayForEach(statement, json_item(rule, "expr")) {
		const cJSON *match = json_item(statement, "match"), *vmap = json_item(statement, "vmap");
		const unsigned ends = vmap ? verdict_map(at, vmap, p, depth) : verdict(at, statement, p, depth);
		const enum answer answer = match		 ? firewall_match(at, match, p)
					   : is_limit(statement) ? ANSWER_UNKNOWN
								 : ANSWER_YES;

		if (ends)
			return ends | perhaps;
		if (answer == ANSWER_NO)
			return GOES_ON;
		if (answer == ANSWER_UNKNOWN)
			perhaps = GOES_ON;
	}
	return GOES_ON;
}

static unsigned walk_chain(const struct firewall_place *at, const char *chain, const struct firewall_packet *p,
			   int depth)
{
	unsigned ends = 0, now = GOES_ON;
	const cJSON *item;

	cJSON_ArrayForEach(item, at->ruleset) {
		const cJSON *rule = json_item(item, "rule");

		if (*at->budget == 0)
			return ANYTHING;
		--*at->budget;
		if (!(now & GOES_ON) || !is(json_text(rule, "chain"), chain) ||
		    !is(json_text(rule, "table"), at->table) || !is(json_text(rule, "family"), at->family))
			continue;
		now = walk_rule(at, rule, p, depth);
		ends |= now & (END_ACCEPT | END_DROP | GOES_OUT | CHANGES);
	}
	if (ends & GOES_OUT)
		now = GOES_ON;
	return (ends & (END_ACCEPT | END_DROP | CHANGES)) | (now & GOES_ON);
}

static bool is_for_interface(const cJSON *chain, const struct firewall_packet *p)
{
	const cJSON *dev = json_item(chain, "dev"), *one;

	if (cJSON_IsString(dev))
		return is(p->dev, dev->valuestring);
	cJSON_ArrayForEach(one, dev) {
		if (is(cJSON_GetStringValue(one), p->dev))
			return true;
	}
	return false;
}

/* Whether the packet comes to that chain by itself. */
static bool meets(const cJSON *chain, const struct firewall_packet *p)
{
	static const char *const hooks[][3] = {
		[FIREWALL_IN] = {"ingress", "prerouting", "input"},
		[FIREWALL_OUT] = {"egress", "output", "postrouting"},
		[FIREWALL_COMES] = {"ingress", "prerouting", "prerouting"},
		[FIREWALL_GOES_ON] = {"egress", "forward", "postrouting"},
	};
	const char *hook = json_text(chain, "hook"), *family = json_text(chain, "family");

	if (is(hook, hooks[p->way][0]))
		return is_for_interface(chain, p);
	return (is(family, "ip") || is(family, "inet")) && (is(hook, hooks[p->way][1]) || is(hook, hooks[p->way][2]));
}

/* ---- what rules say of packets that rules see later ---- */

static bool marks(const cJSON *statement)
{
	return is(json_text(json_item(json_item(json_item(statement, "mangle"), "key"), "meta"), "key"), "mark") ||
	       is(json_text(json_item(statement, "xt"), "type"), "target");
}

/* Which rule comes first is not looked into: what any may say is not known any more. */
static void forget_what_may_change(const cJSON *all, struct firewall_packet *p)
{
	const cJSON *item, *statement;

	cJSON_ArrayForEach(item, all) {
		cJSON_ArrayForEach(statement, json_item(json_item(item, "rule"), "expr")) {
			if (marks(statement))
				p->mark = UNKNOWN_NUMBER;
			if (json_item(statement, "notrack"))
				p->ct_state = NULL;
		}
	}
}

/* 0: the packet does not come to it. */
static unsigned ends_of(const cJSON *all, const cJSON *chain, const struct firewall_packet *p, unsigned *budget)
{
	const struct firewall_place at = {all, json_text(chain, "family"), json_text(chain, "table"), budget};
	const char *name = json_text(chain, "name");
	unsigned ends;

	if (!name || !at.family || !at.table || !meets(chain, p))
		return 0;
	ends = walk_chain(&at, name, p, DEPTH_MAX);
	if (ends & GOES_ON)
		ends |= is(json_text(chain, "policy"), "drop") ? END_DROP : END_ACCEPT;
	return ends & (END_ACCEPT | END_DROP | CHANGES);
}

enum firewall_fate firewall_fate(const cJSON *ruleset, const struct firewall_packet *p, char text[FIREWALL_CHAIN_TEXT])
{
	const cJSON *all = json_item(ruleset, "nftables"), *item;
	enum firewall_fate fate = FIREWALL_PASSES;
	struct firewall_packet packet = *p;
	unsigned budget = BUDGET;
	bool changes = false;

	forget_what_may_change(all, &packet);
	cJSON_ArrayForEach(item, all) {
		const cJSON *chain = json_item(item, "chain");
		const unsigned ends = ends_of(all, chain, &packet, &budget);
		const enum firewall_fate here = ends == END_DROP	      ? FIREWALL_DROPS
						: ends & (END_DROP | CHANGES) ? FIREWALL_UNSURE
									      : FIREWALL_PASSES;

		changes |= ends & CHANGES;
		if (here <= fate)
			continue;
		fate = here;
		snprintf(text, FIREWALL_CHAIN_TEXT, "chain %.40s of table %.10s %.40s", json_text(chain, "name"),
			 json_text(chain, "family"), json_text(chain, "table"));
	}
	return changes && fate == FIREWALL_DROPS ? FIREWALL_UNSURE : fate;
}
