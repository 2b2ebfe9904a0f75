/* SPDX-License-Identifier: BSD-2-Clause */
/* What somebody has written in place of an address, and how it is made one. */
#ifndef LOADER_POLICY_ADDR_REMEDY_H
#define LOADER_POLICY_ADDR_REMEDY_H

#include "parse.h"

#define PREFIX_CHOICE 80

/* What goes on with "give an IPv4 address" (prefix: or a prefix) where it can be told, as ": names are not looked up";
 * else "". */
const char *addr_remedy(const char *text, bool prefix);

/* The two that p may have been meant to be, where bits are set behind it: "192.0.2.7 for one host, or ...". Returns
 * buf. */
const char *prefix_choice(const struct prefix *p, char buf[PREFIX_CHOICE]);

/* As bad_word(), with the remedy. */
int bad_address(struct fault *f, const char *name, const char *value, bool prefix, const char *give);

#endif
