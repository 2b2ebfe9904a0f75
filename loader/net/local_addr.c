/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "local_addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

#include "lib/near_word.h"

int local_addr_find(const uint8_t addr[4], enum locality *out)
{
	struct ifaddrs *all;

	*out = ADDR_REMOTE;
	if (getifaddrs(&all) < 0)
		return -errno;
	for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
		struct sockaddr_in sin;

		if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET)
			continue;
		memcpy(&sin, i->ifa_addr, sizeof(sin));
		if (memcmp(&sin.sin_addr, addr, 4) != 0)
			continue;
		if (!(i->ifa_flags & IFF_LOOPBACK))
			*out = ADDR_LOCAL;
		else if (*out == ADDR_REMOTE)
			*out = ADDR_LOCAL_LOOPBACK;
	}
	freeifaddrs(all);
	return 0;
}

const char *local_addr_question(const char *typed, char *text, size_t size)
{
	char addr[INET_ADDRSTRLEN], nearest[INET_ADDRSTRLEN];
	struct near_word near = near_word_of(typed);
	struct ifaddrs *all;

	text[0] = '\0';
	if (getifaddrs(&all) < 0)
		return text;
	for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
		struct sockaddr_in sin;

		if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET || (i->ifa_flags & IFF_LOOPBACK))
			continue;
		memcpy(&sin, i->ifa_addr, sizeof(sin));
		near_word_offer(&near, inet_ntop(AF_INET, &sin.sin_addr, addr, sizeof(addr)));
		if (near.nearest == addr)
			near.nearest = strcpy(nearest, addr);
	}
	freeifaddrs(all);
	return near_word_question(&near, text, size);
}
