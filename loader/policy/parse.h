/* SPDX-License-Identifier: BSD-2-Clause */
/* Words that people write, made into values: true if the whole word is one, else *out is untouched. */
#ifndef LOADER_POLICY_PARSE_H
#define LOADER_POLICY_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/fault.h"
#include "lib/protocols.h"

/* Bytes of "a.b.c.d" and of "a.b.c.d/n", NUL included. */
#define ADDR_TEXT   16
#define PREFIX_TEXT 20

struct prefix {
	uint8_t addr[4];
	uint8_t len;
};

/* Decimal, or hexadecimal after 0x, no sign, min ... max. */
bool parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *out);

/* Dotted quad. */
bool parse_ipv4(const char *text, uint8_t addr[4]);

/* ADDR or ADDR/LEN. Bits behind the prefix are left as they are written: see prefix_is_clean. */
bool parse_prefix(const char *text, struct prefix *out);

/* Whether no bit behind the prefix is set. */
bool prefix_is_clean(const struct prefix *p);

/* Whether addr is in p. */
bool prefix_covers(const struct prefix *p, const uint8_t addr[4]);

/* IP protocol by name or number, 1 ... 255. */
bool parse_proto(const char *text, uint8_t *proto);

/* N or A-B, A <= B. */
bool parse_ports(const char *text, uint16_t *min, uint16_t *max);

/* An ICMP type by name or number, 0 ... 255, or a range A-B of numbers, as the values type << 8 | code that it has. */
bool parse_icmp_types(const char *text, uint16_t *min, uint16_t *max);

/* "on" and "yes", "off" and "no". */
bool parse_switch(const char *text, bool *out);

/* Fills f with the word, its value (NULL: none was given) and what to give instead. Returns -EINVAL. */
int bad_word(struct fault *f, const char *name, const char *value, const char *give);

/* The other way: writes the text into buf, ADDR_TEXT or PREFIX_TEXT bytes, and returns buf. */
const char *addr_text(const uint8_t addr[4], char *buf);
const char *prefix_text(const struct prefix *p, char *buf);

/* Whether no single host can have the address (0/8, multicast, class E, broadcast); whether it never leaves this host
 * (127/8); whether it is 0.0.0.0. */
bool addr_is_unusable(const uint8_t addr[4]);
bool addr_is_loopback(const uint8_t addr[4]);
bool addr_is_zero(const uint8_t addr[4]);

#endif
