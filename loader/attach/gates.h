/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The map `gates`: what guards which interface. It is written as NICs are attached and detached. The programs ask it
 * for the NIC that they are on, the backstop for the interface of a packet.
 */
#ifndef LOADER_ATTACH_GATES_H
#define LOADER_ATTACH_GATES_H

#include <stdbool.h>

#include "lib/fault.h"
#include "maps/maps.h"

/* Enters a NIC that the programs are on, and its TAP. 0 or -errno. */
int gates_attach(const struct maps *maps, const struct gate *gate, struct fault *f);

/* That the programs of an attached NIC are about to give way to those of these ids: with either it is closed, until
 * gates_attach(). */
void gates_expect(const struct maps *maps, uint32_t ifindex, enum port_mode mode, uint32_t egress, uint32_t ingress);

/* Takes out a NIC that is gone, or whose programs are: nothing guards it. */
void gates_remove(const struct maps *maps, uint32_t ifindex);

/* Opens the gate of an interface, as 'detach' does: what policies protect may leave and come by it in clear. */
void gates_open(const struct maps *maps, uint32_t ifindex);

/* Says whether the programs on an attached NIC can be relied on. Where somebody else's are in their place, the backstop
 * guards the NIC instead. */
void gates_trust(const struct maps *maps, uint32_t ifindex, bool trusted);

/* Called at a start: keeps the gates of NICs that programs of an earlier run are on, of what stands on these, and of
 * TAPs that go on (goes_on may be NULL), and takes out all others, also those that a 'detach' has opened. */
void gates_keep_attached(const struct maps *maps, bool (*goes_on)(const void *arg, int ifindex), const void *arg);

/* A copy of an interface's gate; kind 0: the interface has none. */
struct gate gates_get(const struct maps *maps, uint32_t ifindex);

/* Whether packets that leave by the interface pass a gate of ours. */
bool gates_guard(const struct maps *maps, uint32_t ifindex);

/*
 * Looks at all interfaces of this namespace. Those that stand on attached NICs alone are covered from now on, those
 * that no longer do are not, and those that are gone are forgotten. After a failure everything is as it was, which errs
 * on the side of closed: an interface that is not covered is guarded by the backstop.
 */
void gates_cover(const struct maps *maps);

#endif
