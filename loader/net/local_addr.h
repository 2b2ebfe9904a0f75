/* SPDX-License-Identifier: BSD-2-Clause */
/* Which addresses are this host's. */
#ifndef LOADER_NET_LOCAL_ADDR_H
#define LOADER_NET_LOCAL_ADDR_H

#include <stddef.h>
#include <stdint.h>

enum locality {
	ADDR_REMOTE,
	ADDR_LOCAL,
	ADDR_LOCAL_LOOPBACK, /* on a loopback interface */
};

/* Looks through the interfaces of this network namespace. -errno if they cannot be read. */
int local_addr_find(const uint8_t addr[4], enum locality *out);

/* ": did you mean 'ADDR'?", of those on a wire, where what somebody has typed is near to one (lib/near_word.h); else
 * nothing. Into text, which is returned. */
const char *local_addr_question(const char *typed, char *text, size_t size);

#endif
