/* SPDX-License-Identifier: BSD-2-Clause */
/* All addresses of this host at one moment, to look up many in. */
#ifndef LOADER_NET_LOCAL_ADDRS_H
#define LOADER_NET_LOCAL_ADDRS_H

#include <stddef.h>

#include "local_addr.h"

/* A zeroed one has none. */
struct local_addrs {
	struct local_addr *at; /* sorted by address, one entry each; malloc'd */
	size_t count;
};

/* Of this network namespace. 0 or -errno, and then it has none. */
int local_addrs_read(struct local_addrs *all);

enum locality local_addrs_find(const struct local_addrs *all, const uint8_t addr[4]);

void local_addrs_free(struct local_addrs *all);

#endif
