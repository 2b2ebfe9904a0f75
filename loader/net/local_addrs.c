/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "local_addrs.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct local_addr {
	uint8_t addr[4];
	enum locality where;
};

static bool is_ipv4(const struct ifaddrs *i)
{
	return i->ifa_addr && i->ifa_addr->sa_family == AF_INET;
}

static struct local_addr addr_of(const struct ifaddrs *i)
{
	struct local_addr a = {.where = i->ifa_flags & IFF_LOOPBACK ? ADDR_LOCAL_LOOPBACK : ADDR_LOCAL};
	struct sockaddr_in sin;

	memcpy(&sin, i->ifa_addr, sizeof(sin));
	memcpy(a.addr, &sin.sin_addr, 4);
	return a;
}

/* Of an address that is on several interfaces, the one that is no loopback counts: ADDR_LOCAL is less. */
static int compare(const void *a, const void *b)
{
	const struct local_addr *x = a, *y = b;
	const int by_addr = memcmp(x->addr, y->addr, 4);

	return by_addr ? by_addr : (int)x->where - (int)y->where;
}

static size_t keep_first_of_each(struct local_addr *at, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++)
		if (!kept || memcmp(at[kept - 1].addr, at[i].addr, 4) != 0)
			at[kept++] = at[i];
	return kept;
}

static int take(struct local_addrs *all, const struct ifaddrs *list)
{
	size_t room = 1;

	for (const struct ifaddrs *i = list; i; i = i->ifa_next)
		room += is_ipv4(i);
	all->at = calloc(room, sizeof(*all->at));
	if (!all->at)
		return -ENOMEM;
	for (const struct ifaddrs *i = list; i; i = i->ifa_next)
		if (is_ipv4(i))
			all->at[all->count++] = addr_of(i);
	qsort(all->at, all->count, sizeof(*all->at), compare);
	all->count = keep_first_of_each(all->at, all->count);
	return 0;
}

int local_addrs_read(struct local_addrs *all)
{
	struct ifaddrs *list;
	int err;

	*all = (struct local_addrs){0};
	if (getifaddrs(&list) < 0)
		return -errno;
	err = take(all, list);
	freeifaddrs(list);
	return err;
}

static int compare_addr(const void *addr, const void *at)
{
	return memcmp(addr, ((const struct local_addr *)at)->addr, 4);
}

enum locality local_addrs_find(const struct local_addrs *all, const uint8_t addr[4])
{
	const struct local_addr *found =
		all->count ? bsearch(addr, all->at, all->count, sizeof(*all->at), compare_addr) : NULL;

	return found ? found->where : ADDR_REMOTE;
}

void local_addrs_free(struct local_addrs *all)
{
	free(all->at);
	*all = (struct local_addrs){0};
}
