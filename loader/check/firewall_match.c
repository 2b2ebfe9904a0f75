/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "firewall_match.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "policy/parse.h"

/* What a rule asks for, of the packet. */
struct value {
	enum {
		VALUE_UNKNOWN,
		VALUE_NONE,
		VALUE_NUMBER,
		VALUE_TEXT,
		VALUE_ADDRESS
	} kind; /* NONE: such a packet has none */
	int64_t number;
	const char *text;
};

static struct value number_or_unknown(int64_t number)
{
	return (struct value){.kind = number == UNKNOWN_NUMBER ? VALUE_UNKNOWN : VALUE_NUMBER, .number = number};
}

static struct value text_or_unknown(const char *text)
{
	return (struct value){.kind = text && *text ? VALUE_TEXT : VALUE_UNKNOWN, .text = text};
}

static struct value address(const uint8_t addr[4])
{
	return (struct value){.kind = VALUE_ADDRESS,
			      .number = (int64_t)addr[0] << 24 | addr[1] << 16 | addr[2] << 8 | addr[3]};
}

static bool is(const char *a, const char *b)
{
	return a && strcmp(a, b) == 0;
}

/* ---- the packet's ---- */

static struct value meta_value(const char *key, const struct firewall_packet *p)
{
	const bool in = p->way == FIREWALL_IN || p->way == FIREWALL_COMES;

	if (is(key, in ? "iifname" : "oifname") || is(key, in ? "iif" : "oif"))
		return text_or_unknown(p->dev);
	if (p->way == FIREWALL_GOES_ON && (is(key, "iifname") || is(key, "iif")))
		return text_or_unknown(p->from);
	if (is(key, "l4proto"))
		return number_or_unknown(p->proto);
	if (is(key, "mark"))
		return number_or_unknown(p->mark);
	if (is(key, "nfproto"))
		return text_or_unknown("ipv4");
	if (is(key, "protocol"))
		return text_or_unknown("ip");
	return (struct value){.kind = VALUE_UNKNOWN};
}

/* The first words behind the IP header. */
static struct value header_value(const char *field, const struct firewall_packet *p)
{
	if (p->proto == IPPROTO_ICMP)
		return number_or_unknown(is(field, "type") ? p->icmp_type : UNKNOWN_NUMBER);
	if (is(field, "sport"))
		return number_or_unknown(p->sport);
	return number_or_unknown(is(field, "dport") ? p->dport : UNKNOWN_NUMBER);
}

static struct value payload_value(const char *protocol, const char *field, const struct firewall_packet *p)
{
	static const struct {
		const char *name;
		int64_t number;
	} protocols[] = {{"udp", IPPROTO_UDP}, {"tcp", IPPROTO_TCP}, {"icmp", IPPROTO_ICMP}, {"esp", IPPROTO_ESP},
			 {"ah", IPPROTO_AH},   {"gre", IPPROTO_GRE}, {"sctp", IPPROTO_SCTP}};

	if (is(protocol, "ip6") || is(protocol, "icmpv6") || is(protocol, "arp"))
		return (struct value){.kind = VALUE_NONE};
	if (is(protocol, "ip") && is(field, "saddr"))
		return address(p->src);
	if (is(protocol, "ip") && is(field, "daddr"))
		return address(p->dst);
	if (is(protocol, "ip"))
		return number_or_unknown(is(field, "protocol") ? p->proto : UNKNOWN_NUMBER);
	if (is(protocol, "th"))
		return header_value(field, p);
	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
		if (!is(protocol, protocols[i].name) || p->proto == UNKNOWN_NUMBER)
			continue;
		if (p->proto != protocols[i].number)
			return (struct value){.kind = VALUE_NONE};
		return header_value(field, p);
	}
	return (struct value){.kind = VALUE_UNKNOWN};
}

static struct value value_of(const cJSON *left, const struct firewall_packet *p)
{
	const cJSON *meta = json_item(left, "meta"), *payload = json_item(left, "payload"), *ct = json_item(left, "ct");

	if (meta)
		return meta_value(json_text(meta, "key"), p);
	if (payload)
		return payload_value(json_text(payload, "protocol"), json_text(payload, "field"), p);
	if (is(json_text(ct, "key"), "state"))
		return text_or_unknown(p->ct_state);
	return (struct value){.kind = VALUE_UNKNOWN};
}

/* ---- the rule's ---- */

/* A number, the name of a protocol or of an ICMP type, an address: as a number. False: it is none. */
static bool read_number(const cJSON *right, const struct value *v, int64_t *out)
{
	struct in_addr addr;
	uint64_t number;
	uint16_t first, last;
	uint8_t proto;

	if (cJSON_IsNumber(right)) {
		*out = (int64_t)right->valuedouble;
		return true;
	}
	if (!cJSON_IsString(right))
		return false;
	if (v->kind == VALUE_ADDRESS) {
		if (inet_pton(AF_INET, right->valuestring, &addr) != 1)
			return false;
		*out = ntohl(addr.s_addr);
	} else if (parse_number(right->valuestring, 0, UINT32_MAX, &number)) {
		*out = (int64_t)number;
	} else if (parse_proto(right->valuestring, &proto)) {
		*out = proto;
	} else if (parse_icmp_types(right->valuestring, &first, &last)) {
		*out = first >> 8;
	} else {
		return false;
	}
	return true;
}

static enum answer in_range(const cJSON *range, const struct value *v)
{
	int64_t low, high;

	if (!read_number(cJSON_GetArrayItem(range, 0), v, &low) || !read_number(cJSON_GetArrayItem(range, 1), v, &high))
		return ANSWER_UNKNOWN;
	return v->number >= low && v->number <= high ? ANSWER_YES : ANSWER_NO;
}

static enum answer in_prefix(const cJSON *prefix, const struct value *v)
{
	const int len = (int)json_u64(prefix, "len");
	int64_t addr;

	if (v->kind != VALUE_ADDRESS || len < 0 || len > 32 || !read_number(json_item(prefix, "addr"), v, &addr))
		return ANSWER_UNKNOWN;
	return len == 0 || (v->number ^ addr) >> (32 - len) == 0 ? ANSWER_YES : ANSWER_NO;
}

/* "eth*" */
static enum answer same_text(const char *pattern, const char *text)
{
	const size_t n = strlen(pattern);

	if (n && pattern[n - 1] == '*')
		return strncmp(pattern, text, n - 1) == 0 ? ANSWER_YES : ANSWER_NO;
	return strcmp(pattern, text) == 0 ? ANSWER_YES : ANSWER_NO;
}

static enum answer equals(const struct firewall_place *at, const cJSON *right, const struct value *v, int depth);

static enum answer in_any(const struct firewall_place *at, const cJSON *elements, const struct value *v, int depth)
{
	enum answer found = ANSWER_NO;
	const cJSON *element;

	cJSON_ArrayForEach(element, elements) {
		const enum answer one = equals(at, element, v, depth);

		if (one == ANSWER_YES)
			return one;
		if (one == ANSWER_UNKNOWN)
			found = one;
	}
	return found;
}

static enum answer equals_scalar(const struct firewall_place *at, const cJSON *right, const struct value *v, int depth)
{
	int64_t number;

	if (cJSON_IsString(right) && right->valuestring[0] == '@')
		return in_any(at, firewall_elements(at, right->valuestring + 1), v, depth);
	if (v->kind == VALUE_TEXT)
		return cJSON_IsString(right) ? same_text(right->valuestring, v->text) : ANSWER_UNKNOWN;
	if (!read_number(right, v, &number))
		return ANSWER_UNKNOWN;
	return number == v->number ? ANSWER_YES : ANSWER_NO;
}

/* What stands on the right may have sets in sets, but not without end. */
static enum answer equals(const struct firewall_place *at, const cJSON *right, const struct value *v, int depth)
{
	const cJSON *inner;

	if (depth-- == 0)
		return ANSWER_UNKNOWN;
	if (cJSON_IsArray(right))
		return in_any(at, right, v, depth);
	if (!cJSON_IsObject(right))
		return equals_scalar(at, right, v, depth);
	if ((inner = json_item(right, "set")))
		return equals(at, inner, v, depth);
	if ((inner = json_item(right, "elem")))
		return equals(at, json_item(inner, "val"), v, depth);
	if ((inner = json_item(right, "range")))
		return v->kind == VALUE_TEXT ? ANSWER_UNKNOWN : in_range(inner, v);
	if ((inner = json_item(right, "prefix")))
		return in_prefix(inner, v);
	return ANSWER_UNKNOWN;
}

#define DEPTH 8

const cJSON *firewall_elements(const struct firewall_place *at, const char *name)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, at->ruleset) {
		const cJSON *set = json_item(item, "set") ? json_item(item, "set") : json_item(item, "map");

		if (is(json_text(set, "name"), name) && is(json_text(set, "table"), at->table) &&
		    is(json_text(set, "family"), at->family))
			return json_item(set, "elem");
	}
	return NULL;
}

enum answer firewall_is(const struct firewall_place *at, const cJSON *key, const cJSON *value,
			const struct firewall_packet *p)
{
	const struct value v = value_of(key, p);

	if (v.kind == VALUE_NONE)
		return ANSWER_NO;
	return v.kind == VALUE_UNKNOWN ? ANSWER_UNKNOWN : equals(at, value, &v, DEPTH);
}

static enum answer compare(const char *op, const cJSON *right, const struct value *v)
{
	int64_t number;
	bool holds;

	if (v->kind == VALUE_TEXT || !read_number(right, v, &number))
		return ANSWER_UNKNOWN;
	if (is(op, "<"))
		holds = v->number < number;
	else if (is(op, ">"))
		holds = v->number > number;
	else if (is(op, "<="))
		holds = v->number <= number;
	else if (is(op, ">="))
		holds = v->number >= number;
	else
		return ANSWER_UNKNOWN;
	return holds ? ANSWER_YES : ANSWER_NO;
}

enum answer firewall_match(const struct firewall_place *at, const cJSON *match, const struct firewall_packet *p)
{
	const cJSON *left = json_item(match, "left"), *right = json_item(match, "right");
	const struct value v = value_of(left, p);
	const char *op = json_text(match, "op");
	enum answer same;

	if (v.kind == VALUE_NONE || v.kind == VALUE_UNKNOWN)
		return v.kind == VALUE_NONE ? ANSWER_NO : ANSWER_UNKNOWN;
	if (!is(op, "==") && !is(op, "in") && !is(op, "!="))
		return compare(op, right, &v);
	same = equals(at, right, &v, DEPTH);
	if (!is(op, "!=") || same == ANSWER_UNKNOWN)
		return same;
	return same == ANSWER_YES ? ANSWER_NO : ANSWER_YES;
}
