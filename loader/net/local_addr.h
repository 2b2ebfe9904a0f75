/* SPDX-License-Identifier: BSD-2-Clause */
/* Which addresses are this host's. */
#ifndef LOADER_NET_LOCAL_ADDR_H
#define LOADER_NET_LOCAL_ADDR_H

#include <stdint.h>

enum locality {
	ADDR_REMOTE,
	ADDR_LOCAL,
	ADDR_LOCAL_LOOPBACK, /* on a loopback interface */
};

/* Looks through the interfaces of this network namespace. -errno if they cannot be read. */
int local_addr_find(const uint8_t addr[4], enum locality *out);

#endif
