/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy.h"

#include <errno.h>
#include <string.h>

#include "addr_remedy.h"
#include "locals.h"
#include "protect.h"
#include "spd_store.h"

#define PROTO_ESP 50

static const char *const action_names[] = {
	[SPD_BYPASS] = "bypass",
	[SPD_PROTECT] = "protect",
	[SPD_DISCARD] = "discard",
};

const char *policy_action_name(enum spd_action action)
{
	return action <= SPD_DISCARD ? action_names[action] : "?";
}

const char *policy_owner_name(enum owner owner)
{
	return owner == OWNER_MANUAL ? "manual" : owner == OWNER_IKE ? "ike" : "file";
}

/* ---- words ---- */

static int parse_remote(const char *text, struct prefix *out, struct fault *f)
{
	char choice[PREFIX_CHOICE];

	if (!text || !parse_prefix(text, out))
		return bad_address(f, "dst", text, true, "an IPv4 address or prefix");
	if (!prefix_is_clean(out))
		return bad_word(f, "dst", text, prefix_choice(out, choice));
	return 0;
}

/* A name or a number, or icmp/TYPE; the ports are any until sport and dport say otherwise. */
static int parse_protocol(const char *text, struct spd_rule *rule, struct fault *f)
{
	struct protect p = {.sel = SELECTOR_ALL};
	struct fault why;
	uint8_t proto;

	if (text && strchr(text, '/')) {
		if (protect_parse(text, &p, &why))
			return fault(f, EINVAL, "proto %.200s", why.text);
		if (p.either_end)
			return bad_word(f, "proto", text, "the protocol alone, and the port as sport or dport");
	} else if (text) {
		if (protect_parse_proto(text, &proto, &why))
			return fault(f, EINVAL, "proto %.200s", why.text);
		p.sel.proto = proto;
	}
	rule_set_selector(rule, &p.sel);
	return 0;
}

static int parse_port_range(const cJSON *words, const char *name, uint8_t proto, uint16_t *min, uint16_t *max,
			    struct fault *f)
{
	const char *text = json_text(words, name);

	if (!text)
		return 0;
	if (!parse_ports(text, min, max))
		return bad_word(f, name, text, "a port's number or a range, as 22 or 5000-5010");
	if (!proto)
		return fault(f, EINVAL, "%s '%s': needs a protocol with ports, as 'proto tcp'", name, text);
	if (!proto_has_ports(proto))
		return fault(f, EINVAL, "%s '%s': proto %s has no ports", name, text, json_text(words, "proto"));
	return 0;
}

static int parse_action(const char *text, bool needed, uint8_t *action, struct fault *f)
{
	if (!text && !needed)
		return 0;
	for (uint8_t i = 0; text && i <= SPD_DISCARD; i++) {
		if (strcmp(text, action_names[i]) == 0) {
			*action = i;
			return 0;
		}
	}
	if (text && strcmp(text, "fail-open") == 0)
		return fault(f, EINVAL,
			     "action fail-open: there is no such thing: what cannot be protected is dropped");
	return bad_word(f, "action", text, "protect, bypass or discard");
}

static int parse_rule(const cJSON *words, bool need_action, struct spd_rule *rule, struct fault *f)
{
	const char *src = json_text(words, "src"), *proto = json_text(words, "proto"), *prio = json_text(words, "prio");
	uint64_t number = 0;
	int err;

	if (src && !parse_ipv4(src, rule->local))
		return bad_address(f, "src", src, false, "an IPv4 address of this host");
	if (prio && !parse_number(prio, 0, UINT32_MAX, &number))
		return bad_word(f, "prio", prio, "a number, 0 goes first");
	rule->prio = (uint32_t)number;
	err = parse_protocol(proto, rule, f);
	if (!err)
		err = parse_port_range(words, "sport", rule->proto, &rule->local_port_min, &rule->local_port_max, f);
	if (!err)
		err = parse_port_range(words, "dport", rule->proto, &rule->remote_port_min, &rule->remote_port_max, f);
	return err ? err : parse_action(json_text(words, "action"), need_action, &rule->action, f);
}

static int check(const struct policy *p, struct fault *f)
{
	const struct prefix loopback = {.addr = {127}, .len = 8}, multicast = {.addr = {224}, .len = 4};
	const uint8_t *src = p->rule.local;
	char text[PREFIX_TEXT];

	prefix_text(&p->remote, text);
	if (p->remote.len >= loopback.len && prefix_covers(&loopback, p->remote.addr))
		return fault(f, ERANGE, "dst %s: loopback: there is no wire to protect", text);
	if (p->rule.action == SPD_PROTECT && p->remote.len >= multicast.len &&
	    prefix_covers(&multicast, p->remote.addr))
		return fault(f, ERANGE, "dst %s: multicast has no SA of its own: give the connection 'gre = yes'",
			     text);
	if (!addr_is_zero(src) && (addr_is_loopback(src) || addr_is_unusable(src)))
		return fault(f, ERANGE, "src %s: not an address of this host on a wire", addr_text(src, text));
	if (p->rule.proto == PROTO_ESP && p->rule.action == SPD_PROTECT)
		return fault(f, ERANGE, "proto esp: ESP is not applied to ESP");
	return 0;
}

int policy_parse(const cJSON *words, bool need_action, struct policy *out, struct fault *f)
{
	int err;

	memset(out, 0, sizeof(*out));
	err = parse_remote(json_text(words, "dst"), &out->remote, f);
	if (!err)
		err = parse_rule(words, need_action, &out->rule, f);
	out->rule.origin = out->remote.len;
	out->rule.owner = OWNER_MANUAL;
	return err ? err : check(out, f);
}

/* ---- commands: read, change, write ---- */

static int write_back(const struct maps *maps, struct spd *spd, struct fault *f)
{
	int err = spd_write(maps, spd, f);

	if (!err)
		locals_follow(maps);
	return err;
}

typedef int policy_change(struct spd *spd, const struct policy *policy, struct fault *f);

static int change(const struct maps *maps, policy_change *apply, const struct policy *policy, struct fault *f)
{
	struct spd spd;
	int err = spd_read(maps, &spd, f);

	if (!err)
		err = apply(&spd, policy, f);
	if (!err)
		err = write_back(maps, &spd, f);
	spd_free(&spd);
	return err;
}

int policy_add(const struct maps *maps, const struct policy *policy, struct fault *f)
{
	return change(maps, spd_add, policy, f);
}

int policy_replace(const struct maps *maps, const struct policy *policy, struct fault *f)
{
	return change(maps, spd_replace, policy, f);
}

int policy_delete(const struct maps *maps, const struct policy *policy, struct fault *f)
{
	return change(maps, spd_del, policy, f);
}

int policy_flush(const struct maps *maps, struct fault *f)
{
	struct spd spd;
	int err = spd_read(maps, &spd, f);

	if (!err) {
		spd_flush(&spd, OWNER_MANUAL);
		err = write_back(maps, &spd, f);
	}
	spd_free(&spd);
	return err;
}
