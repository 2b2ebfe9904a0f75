/* SPDX-License-Identifier: BSD-2-Clause */
#include "protocols.h"

#include <stdio.h>
#include <strings.h>

#define ITEMS(a) (sizeof(a) / sizeof((a)[0]))

struct name {
	const char *name;
	uint8_t number;
	bool ports;
};

static const struct name protocols[] = {
	{"icmp", 1, false},  {"igmp", 2, false},   {"ipip", 4, false},	 {"tcp", 6, true},
	{"udp", 17, true},   {"dccp", 33, true},   {"ipv6", 41, false},	 {"gre", 47, false},
	{"esp", 50, false},  {"ah", 51, false},	   {"eigrp", 88, false}, {"ospf", 89, false},
	{"pim", 103, false}, {"vrrp", 112, false}, {"sctp", 132, true},	 {"udplite", 136, true},
};

/* As nftables has them. */
static const struct name icmp_types[] = {
	{"echo-reply", 0, false},	    {"destination-unreachable", 3, false},
	{"source-quench", 4, false},	    {"redirect", 5, false},
	{"echo-request", 8, false},	    {"router-advertisement", 9, false},
	{"router-solicitation", 10, false}, {"time-exceeded", 11, false},
	{"parameter-problem", 12, false},   {"timestamp-request", 13, false},
	{"timestamp-reply", 14, false},
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

bool proto_has_ports(uint8_t proto)
{
	for (size_t i = 0; i < ITEMS(protocols); i++)
		if (protocols[i].number == proto)
			return protocols[i].ports;
	return false;
}

const char *proto_text(uint8_t proto, char *buf, size_t size)
{
	return text(protocols, ITEMS(protocols), proto, buf, size);
}

const char *icmp_type_text(uint8_t type, char *buf, size_t size)
{
	return text(icmp_types, ITEMS(icmp_types), type, buf, size);
}
