/* SPDX-License-Identifier: BSD-2-Clause */
#include "parse.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
	const bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	unsigned long long value;
	char *end;

	/* strtoull takes blanks and signs, which no number of ours has. */
	if (!(hex ? isxdigit((unsigned char)text[2]) : isdigit((unsigned char)text[0])))
		return false;
	errno = 0;
	value = strtoull(text, &end, hex ? 16 : 10);
	if (errno || *end || value < min || value > max)
		return false;
	*out = value;
	return true;
}

bool parse_ipv4(const char *text, uint8_t addr[4])
{
	return inet_pton(AF_INET, text, addr) == 1;
}

bool parse_prefix(const char *text, struct prefix *out)
{
	const char *slash = strchr(text, '/');
	struct prefix p = {.len = 32};
	char addr[ADDR_TEXT];
	uint64_t len;

	if (slash) {
		if (!parse_number(slash + 1, 0, 32, &len) || (size_t)(slash - text) >= sizeof(addr))
			return false;
		p.len = (uint8_t)len;
		memcpy(addr, text, (size_t)(slash - text));
		addr[slash - text] = '\0';
		text = addr;
	}
	if (!parse_ipv4(text, p.addr))
		return false;
	*out = p;
	return true;
}

static uint32_t host_order(const uint8_t addr[4])
{
	return (uint32_t)addr[0] << 24 | (uint32_t)addr[1] << 16 | (uint32_t)addr[2] << 8 | addr[3];
}

static uint32_t mask_of(const struct prefix *p)
{
	return p->len ? ~0U << (32 - p->len) : 0;
}

bool prefix_is_clean(const struct prefix *p)
{
	return (host_order(p->addr) & ~mask_of(p)) == 0;
}

bool prefix_covers(const struct prefix *p, const uint8_t addr[4])
{
	return ((host_order(p->addr) ^ host_order(addr)) & mask_of(p)) == 0;
}

bool parse_proto(const char *text, uint8_t *proto)
{
	uint64_t number;

	if (proto_find(text, proto))
		return true;
	if (!parse_number(text, 1, 255, &number))
		return false;
	*proto = (uint8_t)number;
	return true;
}

/* N or A-B up to most, A <= B. */
static bool parse_range(const char *text, uint64_t most, uint64_t *min, uint64_t *max)
{
	const char *dash = strchr(text, '-');
	char first[8];

	if (!dash)
		return parse_number(text, 0, most, min) && parse_number(text, 0, most, max);
	if ((size_t)(dash - text) >= sizeof(first))
		return false;
	memcpy(first, text, (size_t)(dash - text));
	first[dash - text] = '\0';
	return parse_number(first, 0, most, min) && parse_number(dash + 1, *min, most, max);
}

bool parse_ports(const char *text, uint16_t *min, uint16_t *max)
{
	uint64_t low, high;

	if (!parse_range(text, UINT16_MAX, &low, &high))
		return false;
	*min = (uint16_t)low;
	*max = (uint16_t)high;
	return true;
}

bool parse_icmp_types(const char *text, uint16_t *min, uint16_t *max)
{
	uint64_t low, high;
	uint8_t type;

	if (icmp_type_find(text, &type))
		low = high = type;
	else if (!parse_range(text, UINT8_MAX, &low, &high))
		return false;
	*min = (uint16_t)(low << 8);
	*max = (uint16_t)(high << 8 | 0xff);
	return true;
}

bool parse_switch(const char *text, bool *out)
{
	const bool on = strcmp(text, "on") == 0 || strcmp(text, "yes") == 0;

	if (!on && strcmp(text, "off") != 0 && strcmp(text, "no") != 0)
		return false;
	*out = on;
	return true;
}

const char *addr_text(const uint8_t addr[4], char *buf)
{
	snprintf(buf, ADDR_TEXT, "%u.%u.%u.%u", addr[0], addr[1], addr[2], addr[3]);
	return buf;
}

const char *prefix_text(const struct prefix *p, char *buf)
{
	char addr[ADDR_TEXT];

	snprintf(buf, PREFIX_TEXT, "%s/%u", addr_text(p->addr, addr), p->len);
	return buf;
}

bool addr_is_unusable(const uint8_t addr[4])
{
	return addr[0] == 0 || addr[0] >= 224;
}

bool addr_is_loopback(const uint8_t addr[4])
{
	return addr[0] == 127;
}

bool addr_is_zero(const uint8_t addr[4])
{
	return host_order(addr) == 0;
}

int bad_word(struct fault *f, const char *name, const char *value, const char *give)
{
	if (!value)
		return fault(f, EINVAL, "%s is missing: give %s", name, give);
	return fault(f, EINVAL, "%s '%.60s': give %s", name, value, give);
}
