/* SPDX-License-Identifier: BSD-2-Clause */
#include "selector.h"

#include <stdio.h>
#include <string.h>

#include "lib/protocols.h"

#define PROTO_ICMP 1
#define RANGE_TEXT 12

bool selector_equal(const struct selector *a, const struct selector *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

bool selector_contains(const struct selector *a, const struct selector *b)
{
	return (!a->proto || a->proto == b->proto) && a->local_port_min <= b->local_port_min &&
	       b->local_port_max <= a->local_port_max && a->remote_port_min <= b->remote_port_min &&
	       b->remote_port_max <= a->remote_port_max;
}

bool selector_within(const struct selector *s, const struct selector *of, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (selector_contains(&of[i], s))
			return true;
	return false;
}

bool selector_takes(const struct selector *s, uint8_t proto, uint16_t local_port, uint16_t remote_port)
{
	const struct selector packet = {local_port, local_port, remote_port, remote_port, proto};

	return selector_contains(s, &packet);
}

static uint16_t larger(uint16_t a, uint16_t b)
{
	return a > b ? a : b;
}

static uint16_t smaller(uint16_t a, uint16_t b)
{
	return a < b ? a : b;
}

bool selector_meet(const struct selector *a, const struct selector *b, struct selector *out)
{
	if (a->proto && b->proto && a->proto != b->proto)
		return false;
	*out = (struct selector){
		.local_port_min = larger(a->local_port_min, b->local_port_min),
		.local_port_max = smaller(a->local_port_max, b->local_port_max),
		.remote_port_min = larger(a->remote_port_min, b->remote_port_min),
		.remote_port_max = smaller(a->remote_port_max, b->remote_port_max),
		.proto = a->proto ? a->proto : b->proto,
	};
	return out->local_port_min <= out->local_port_max && out->remote_port_min <= out->remote_port_max;
}

/* Fewer is narrower. */
static uint64_t port_pairs(const struct selector *s)
{
	return (s->local_port_max - s->local_port_min + 1ULL) * (s->remote_port_max - s->remote_port_min + 1ULL);
}

int selector_precedence(const struct selector *a, const struct selector *b)
{
	const uint64_t x = port_pairs(a), y = port_pairs(b);

	if (!a->proto != !b->proto)
		return a->proto ? -1 : 1;
	return (x > y) - (x < y);
}

int selector_compare(const struct selector *a, const struct selector *b)
{
	const int order = selector_precedence(a, b);

	return order ? order : memcmp(a, b, sizeof(*a));
}

struct selector selector_mirrored(const struct selector *s)
{
	return (struct selector){
		.local_port_min = s->remote_port_min,
		.local_port_max = s->remote_port_max,
		.remote_port_min = s->local_port_min,
		.remote_port_max = s->local_port_max,
		.proto = s->proto,
	};
}

/* ---- for people ---- */

static bool is_any(uint16_t min, uint16_t max)
{
	return min == 0 && max == UINT16_MAX;
}

static const char *range_text(uint16_t min, uint16_t max, char buf[RANGE_TEXT])
{
	if (min == max)
		snprintf(buf, RANGE_TEXT, "%u", min);
	else
		snprintf(buf, RANGE_TEXT, "%u-%u", min, max);
	return buf;
}

/* Types as they are written in policies; a peer may narrow to a code, which has no other name than its number. */
static void icmp_text(const struct selector *s, char buf[SELECTOR_TEXT])
{
	const uint16_t min = larger(s->local_port_min, s->remote_port_min);
	const uint16_t max = smaller(s->local_port_max, s->remote_port_max);
	char first[24], last[24];

	if (is_any(min, max))
		snprintf(buf, SELECTOR_TEXT, "icmp");
	else if ((min & 0xff) || (max & 0xff) != 0xff)
		snprintf(buf, SELECTOR_TEXT, "icmp/%u.%u-%u.%u", min >> 8, min & 0xff, max >> 8, max & 0xff);
	else if (min >> 8 == max >> 8)
		snprintf(buf, SELECTOR_TEXT, "icmp/%s", icmp_type_text((uint8_t)(min >> 8), first, sizeof(first)));
	else
		snprintf(buf, SELECTOR_TEXT, "icmp/%.15s-%.15s", range_text(min >> 8, min >> 8, first),
			 range_text(max >> 8, max >> 8, last));
}

const char *selector_text(const struct selector *s, char buf[SELECTOR_TEXT])
{
	char proto[8] = "all", range[RANGE_TEXT];
	size_t n;

	if (s->proto == PROTO_ICMP) {
		icmp_text(s, buf);
		return buf;
	}
	if (s->proto)
		proto_text((uint8_t)s->proto, proto, sizeof(proto));
	n = (size_t)snprintf(buf, SELECTOR_TEXT, "%s", proto);
	if (!is_any(s->local_port_min, s->local_port_max))
		n += (size_t)snprintf(buf + n, SELECTOR_TEXT - n, " sport %s",
				      range_text(s->local_port_min, s->local_port_max, range));
	if (!is_any(s->remote_port_min, s->remote_port_max))
		snprintf(buf + n, SELECTOR_TEXT - n, " dport %s",
			 range_text(s->remote_port_min, s->remote_port_max, range));
	return buf;
}

/* ---- bindings ---- */

unsigned sa_bindings(const struct sa_state *sa, struct sad_out_key keys[2])
{
	keys[0] = (struct sad_out_key){.sel = sa->sel, .lane = sa->lane};
	memcpy(keys[0].src, sa->src, sizeof(sa->src));
	memcpy(keys[0].dst, sa->dst, sizeof(sa->dst));
	if (!(sa->flags & SA_EITHER_END))
		return 1;
	keys[1] = keys[0];
	keys[1].sel = selector_mirrored(&sa->sel);
	return 2;
}
