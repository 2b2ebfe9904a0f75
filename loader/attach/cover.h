/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interfaces that stand on others. What leaves or comes by a VLAN, a macvlan or a bridge passes the NICs below, and so
 * the gates on them: such an interface is covered if every one of these NICs is attached. Not so a macvlan in the mode
 * "bridge", nor an ipvlan that is neither private nor vepa: what is for another one on the same NIC, or seems to be,
 * since anybody there may answer ARP, does not pass the NIC.
 */
#ifndef LOADER_ATTACH_COVER_H
#define LOADER_ATTACH_COVER_H

#include <stdbool.h>

#include "net/netdev_stack.h"

/* All interfaces of this namespace, and which of them are covered. */
struct cover {
	struct netdev_stack *all;
	bool borrowed; /* `all` is another cover's */
	bool *covered; /* by the place in `all` */
	size_t count;  /* of both */
	bool (*is_attached)(const void *arg, int ifindex);
	const void *arg;
	bool any; /* one attached port is enough, and another way beside it no harm: by which packets come */
};

/* Reads the interfaces, and finds which are covered; is_attached tells which have a gate of their own. 0 or -errno;
 * after 0 cover_free() frees. */
int cover_find(struct cover *c, bool (*is_attached)(const void *arg, int ifindex), const void *arg);

/* Finds the same of the interfaces of `before`, which has to outlast c, by another is_attached; any: also those of
 * which one port is attached. 0 or -ENOMEM. */
int cover_find_again(struct cover *c, const struct cover *before, bool (*is_attached)(const void *arg, int ifindex),
		     const void *arg, bool any);

/* Whether there is such an interface; whether it is covered; whether it is attached or covered. */
bool cover_has(const struct cover *c, int ifindex);
bool cover_stands(const struct cover *c, int ifindex);
bool cover_guards(const struct cover *c, int ifindex);

/* Whether what is below the interface guards all of its ways but those past it. */
bool cover_has_shortcuts(const struct cover *c, int ifindex);

/* Which interface keeps another from being guarded, an ifindex: a bridge's port without a gate, the NIC below a VLAN,
 * or the interface itself. */
int cover_missing(const struct cover *c, int ifindex);

void cover_free(struct cover *c);

#endif
