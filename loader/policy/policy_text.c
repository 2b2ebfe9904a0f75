/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy_text.h"

#include <stdio.h>
#include <string.h>

#include "policy.h"

#define PROTO_ICMP 1

static const char any[] = "any";

const char *rule_local_text(const struct spd_rule *rule, char *buf)
{
	return addr_is_zero(rule->local) ? any : addr_text(rule->local, buf);
}

/* icmp with its type, the others without ports, which have words of their own. */
const char *rule_proto_text(const struct spd_rule *rule, char *buf)
{
	const struct selector sel = selector_of_rule(rule);

	if (rule->proto == PROTO_ICMP)
		return selector_text(&sel, buf);
	return rule->proto ? proto_text(rule->proto, buf, SELECTOR_TEXT) : any;
}

/* ICMP's type is no port to people. */
const char *rule_ports_text(const struct spd_rule *rule, bool local, char *buf)
{
	const uint16_t min = local ? rule->local_port_min : rule->remote_port_min;
	const uint16_t max = local ? rule->local_port_max : rule->remote_port_max;

	if (rule->proto == PROTO_ICMP || (min == 0 && max == UINT16_MAX))
		return any;
	if (min == max)
		snprintf(buf, PORTS_TEXT, "%u", min);
	else
		snprintf(buf, PORTS_TEXT, "%u-%u", min, max);
	return buf;
}

static size_t add(char *buf, size_t at, const char *word, const char *value)
{
	const int n = value == any ? 0 : snprintf(buf + at, POLICY_TEXT - at, " %s %s", word, value);

	return at + (size_t)n;
}

static size_t put_selector(const struct policy *p, char *buf)
{
	char text[SELECTOR_TEXT];
	size_t at = (size_t)snprintf(buf, POLICY_TEXT, "dst %s", prefix_text(&p->remote, text));

	at = add(buf, at, "src", rule_local_text(&p->rule, text));
	at = add(buf, at, "proto", rule_proto_text(&p->rule, text));
	at = add(buf, at, "sport", rule_ports_text(&p->rule, true, text));
	return add(buf, at, "dport", rule_ports_text(&p->rule, false, text));
}

const char *policy_selector_text(const struct policy *p, char *buf)
{
	put_selector(p, buf);
	return buf;
}

const char *policy_text(const struct policy *p, char *buf)
{
	size_t at = put_selector(p, buf);

	if (p->rule.prio)
		at += (size_t)snprintf(buf + at, POLICY_TEXT - at, " prio %u", p->rule.prio);
	snprintf(buf + at, POLICY_TEXT - at, " action %s", policy_action_name(p->rule.action));
	return buf;
}
