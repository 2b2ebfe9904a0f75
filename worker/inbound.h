/* SPDX-License-Identifier: BSD-2-Clause */
/* From the wire to the host: AF_XDP RX → (reassemble) → open → coalesce → TAP. */
#ifndef WORKER_INBOUND_H
#define WORKER_INBOUND_H

#include "port.h"

/* Makes the port's coalescer write to its host, and room for what comes in pieces. 0 or -errno. */
int inbound_init(struct port_state *p, struct fault *f);

/* Takes one batch from the queue through all passes. How many packets it had; all are opened or dropped. */
uint32_t inbound_run(struct port_state *p, struct xdp_queue *q);

/* Hands what is coalesced so far to the host: to be called when no batch is waiting. */
void inbound_flush(struct port_state *p);

#endif
