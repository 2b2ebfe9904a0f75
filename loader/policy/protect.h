/* SPDX-License-Identifier: BSD-2-Clause */
/* PROTO, PROTO/PORTS or icmp/TYPES: an item of 'protect', or what 'sa add' calls sel. */
#ifndef LOADER_POLICY_PROTECT_H
#define LOADER_POLICY_PROTECT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/fault.h"
#include "maps/selector.h"

/*
 * Ports are either end's, since a session may be opened from both: the selector has them as the
 * remote end's, and either_end says that it is for the ports exchanged too.
 */
struct protect {
	struct selector sel;
	bool either_end;
};

/* Reads a protocol's name or number. -EINVAL with what it is, where it is a port or a service. */
int protect_parse_proto(const char *text, uint8_t *proto, struct fault *f);

/* Reads one item. -EINVAL with what is wrong; -ERANGE for ESP, which nothing protects. */
int protect_parse(const char *text, struct protect *out, struct fault *f);

#endif
