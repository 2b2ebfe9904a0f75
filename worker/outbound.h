/* SPDX-License-Identifier: BSD-2-Clause */
/* From the host to the wire: TAP → (reassemble) → segment → seal → (fragment) → AF_XDP TX. */
#ifndef WORKER_OUTBOUND_H
#define WORKER_OUTBOUND_H

#include "port.h"

/* Makes p->out: room for frames of the host, and for what it sends in pieces. Before privileges are given up. 0 or
 * -errno. */
int outbound_init(struct port_state *p, struct fault *f);

/*
 * Reads frames of the host and puts them on the wire, until the host has no more,
 * the NIC has no room, or this port has had its turn. Frames that wait for room
 * stay half done. How many frames of the host were taken up.
 */
uint32_t outbound_run(struct port_state *p);

/* Gives up what the host will not complete. To be called now and then. */
void outbound_expire(struct port_state *p);

/* Whether it is the NIC that outbound_run waits for, and not the host. */
bool outbound_waits_for_nic(const struct port_state *p);

#endif
