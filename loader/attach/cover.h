/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interfaces that stand on others: what leaves or comes by a VLAN, a macvlan, a bridge passes the NICs below it, and so
 * the gates on those, if all of them have one.
 */
#ifndef LOADER_ATTACH_COVER_H
#define LOADER_ATTACH_COVER_H

#include <stdbool.h>

#include "net/netdev_stack.h"

/* All interfaces of this namespace, and by their places which of them stand on attached ones alone. */
struct cover {
	struct netdev_stack *all;
	bool borrowed; /* all is another's */
	bool *covered;
	size_t count;
	bool (*is_attached)(const void *arg, int ifindex);
	const void *arg;
};

/* Reads the interfaces and finds those covered, where is_attached tells which have a gate. cover_free ends it. 0 or
 * -errno. */
int cover_find(struct cover *c, bool (*is_attached)(const void *arg, int ifindex), const void *arg);

/* The same of the same interfaces, which stay the other's and must outlast it, where another tells which have a gate.
 */
int cover_find_again(struct cover *c, const struct cover *before, bool (*is_attached)(const void *arg, int ifindex));

/* Whether there is such an interface; whether it is attached or covered. */
bool cover_has(const struct cover *c, int ifindex);
bool cover_stands(const struct cover *c, int ifindex);
bool cover_guards(const struct cover *c, int ifindex);

/* Of one that is not guarded, the part that is to blame: a bridge's port without a gate, the NIC below a VLAN; or
 * itself. */
int cover_missing(const struct cover *c, int ifindex);

void cover_free(struct cover *c);

#endif
