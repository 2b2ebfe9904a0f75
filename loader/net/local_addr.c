/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "local_addr.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

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
