/* SPDX-License-Identifier: BSD-2-Clause */
#include "protocols.h"

#include <stdio.h>
#include <strings.h>

#define ITEMS(a) (sizeof(a) / sizeof((a)[0]))

struct name {
	const char *name;
	uint8_t number;
};

static const struct name protocols[] = {
	{"icmp", 1},  {"igmp", 2},   {"ipip", 4},   {"tcp", 6},	      {"udp", 17},   {"dccp", 33},
	{"ipv6", 41}, {"gre", 47},   {"esp", 50},   {"ah", 51},	      {"eigrp", 88}, {"ospf", 89},
	{"pim", 103}, {"vrrp", 112}, {"sctp", 132}, {"udplite", 136},
};

/* As nftables has them. */
static const struct name icmp_types[] = {
	{"echo-reply", 0},	   {"destination-unreachable", 3}, {"source-quench", 4},	{"redirect", 5},
	{"echo-request", 8},	   {"router-advertisement", 9},	   {"router-solicitation", 10}, {"time-exceeded", 11},
	{"parameter-problem", 12}, {"timestamp-request", 13},	   {"timestamp-reply", 14},
};

static bool find(const struct name *names, size_t count, const char *name, uint8_t *number)
{
	for (size_t i = 0; i < count; i++) {
		if (strcasecmp(name, names[i].name) == 0) {
			*number = names[i].number;
			return true;
		}
	}
	return false;
}

static const char *text(const struct name *names, size_t count, uint8_t number, char *buf, size_t size)
{
	for (size_t i = 0; i < count; i++) {
		if (names[i].number == number) {
			snprintf(buf, size, "%s", names[i].name);
			return buf;
		}
	}
	snprintf(buf, size, "%u", number);
	return buf;
}

bool proto_find(const char *name, uint8_t *proto)
{
	return find(protocols, ITEMS(protocols), name, proto);
}

bool icmp_type_find(const char *name, uint8_t *type)
{
	return find(icmp_types, ITEMS(icmp_types), name, type);
}

const char *proto_text(uint8_t proto, char *buf, size_t size)
{
	return text(protocols, ITEMS(protocols), proto, buf, size);
}

const char *icmp_type_text(uint8_t type, char *buf, size_t size)
{
	return text(icmp_types, ITEMS(icmp_types), type, buf, size);
}
