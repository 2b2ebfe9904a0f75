/* SPDX-License-Identifier: BSD-2-Clause */
/* IP protocols and ICMP types by name, as IANA and nftables have them. */
#ifndef LIB_PROTOCOLS_H
#define LIB_PROTOCOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The number of a name, in upper or lower case. False: there is no such name. */
bool proto_find(const char *name, uint8_t *proto);
bool icmp_type_find(const char *name, uint8_t *type);

/* Writes the name, or the number if there is none, into buf, and returns buf. 8 bytes are enough for a protocol, 24 for
 * a type. */
const char *proto_text(uint8_t proto, char *buf, size_t size);
const char *icmp_type_text(uint8_t type, char *buf, size_t size);

#endif
