/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What guards which interface (map gates): written as NICs are attached and detached, asked by the programs for the NIC
 * that they are on, and by the backstop for the interface of a packet.
 */
#ifndef LOADER_ATTACH_GATES_H
#define LOADER_ATTACH_GATES_H

#include <stdbool.h>

#include "lib/fault.h"
#include "maps/maps.h"

/* A NIC that the programs are on, and its TAP. 0 or -errno. */
int gates_attach(const struct maps *maps, const struct gate *gate, struct fault *f);

/* The NIC is gone, or its programs are: nothing guards it. */
void gates_remove(const struct maps *maps, uint32_t ifindex);

/* 'detach' opens it: what policies protect may leave and come by it in clear. */
void gates_open(const struct maps *maps, uint32_t ifindex);

/* Whether the programs on an attached NIC are to be relied on: where somebody else's are in their place, the backstop
 * is. */
void gates_trust(const struct maps *maps, uint32_t ifindex, bool trusted);

/* What stays are gates that programs of an earlier run still keep; what a 'detach' has opened counts until then. */
void gates_keep_attached(const struct maps *maps);

/* Of an interface, a copy; kind 0 where there is none. */
struct gate gates_get(const struct maps *maps, uint32_t ifindex);

/* Whether packets that leave by it pass a gate of ours. */
bool gates_guard(const struct maps *maps, uint32_t ifindex);

/*
 * Looks at all interfaces of this namespace: those that stand on attached ones are covered from now on, those that no
 * longer do are not, and what is gone is forgotten. A failure leaves things as they are: closed is what is not covered.
 */
void gates_cover(const struct maps *maps);

#endif
