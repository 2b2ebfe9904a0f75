/* SPDX-License-Identifier: BSD-2-Clause */
#include "addr_remedy.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

/* Of "::1/64" or "fe80::1%eth0" the address. */
static bool is_ipv6(const char *text)
{
	const size_t n = strcspn(text, "/%");
	char addr[INET6_ADDRSTRLEN];
	struct in6_addr out;

	if (n >= sizeof(addr))
		return false;
	snprintf(addr, sizeof(addr), "%.*s", (int)n, text);
	return inet_pton(AF_INET6, addr, &out) == 1;
}

/* An address, and behind it one of these signs and more. */
static bool is_addr_and(const char *text, char sign)
{
	const char *at = strchr(text, sign);
	char addr[ADDR_TEXT];
	uint8_t out[4];

	if (!at || (size_t)(at - text) >= sizeof(addr))
		return false;
	snprintf(addr, sizeof(addr), "%.*s", (int)(at - text), text);
	return parse_ipv4(addr, out);
}

static bool means_everything(const char *text)
{
	static const char *const words[] = {"any", "all", "%any", "default", "*"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(text, words[i]) == 0)
			return true;
	return false;
}

static bool has_letter(const char *text)
{
	for (; *text; text++)
		if (isalpha((unsigned char)*text))
			return true;
	return false;
}

const char *addr_remedy(const char *text, bool prefix)
{
	if (is_ipv6(text))
		return ": IPv6 is not supported";
	if (strpbrk(text, ", "))
		return ": one alone";
	if (is_addr_and(text, ':'))
		return ", without a port";
	if (is_addr_and(text, '/'))
		return prefix ? ", whose length is a number, as in 192.0.2.0/24" : ", without '/' and a length";
	if (is_addr_and(text, '-'))
		return prefix ? ": a range is none, 192.0.2.0/24 is" : ": one alone";
	if (prefix && means_everything(text))
		return ": 0.0.0.0/0 is every address";
	return has_letter(text) ? ": names are not looked up" : "";
}

const char *prefix_choice(const struct prefix *p, char buf[PREFIX_CHOICE])
{
	struct prefix clean = *p;
	char addr[ADDR_TEXT], network[PREFIX_TEXT];

	for (unsigned bit = p->len; bit < 32; bit++)
		clean.addr[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
	snprintf(buf, PREFIX_CHOICE, "%s for one host, or %s", addr_text(p->addr, addr), prefix_text(&clean, network));
	return buf;
}

int bad_address(struct fault *f, const char *name, const char *value, bool prefix, const char *give)
{
	char text[160];

	snprintf(text, sizeof(text), "%s%s", give, value ? addr_remedy(value, prefix) : "");
	return bad_word(f, name, value, text);
}
