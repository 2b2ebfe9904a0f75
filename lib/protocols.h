/* SPDX-License-Identifier: BSD-2-Clause */
/* IP protocols and ICMP types by their names. */
#ifndef LIB_PROTOCOLS_H
#define LIB_PROTOCOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In any case of letters. False: there is no such name. */
bool proto_find(const char *name, uint8_t *proto);
bool icmp_type_find(const char *name, uint8_t *type);

/* Name, or number if it has none, written into buf (8 bytes are enough for a protocol, 24 for a type), which is
 * returned. */
const char *proto_text(uint8_t proto, char *buf, size_t size);
const char *icmp_type_text(uint8_t type, char *buf, size_t size);

#endif
