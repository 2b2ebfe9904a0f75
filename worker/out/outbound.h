/* SPDX-License-Identifier: BSD-2-Clause */
/* From the host to the wire: TAP → (reassemble) → segment → seal → (fragment) → AF_XDP TX. */
#ifndef WORKER_OUT_OUTBOUND_H
#define WORKER_OUT_OUTBOUND_H

#include "lane/port.h"

/* Makes p->out: room for what is sent in pieces. 0 or -errno. */
int outbound_init(struct port_queue *p, struct fault *f);

/* Before the queue is the lane's no more, in a turn: what of the host is half done is dropped, and counted. */
void outbound_give_up(struct port_queue *p);

/* Frees p->out, whose packets have been given up. */
void outbound_free(struct port_queue *p);

/* Whether frames of the host are half done: read and not sent, or fragments of a datagram that is not complete. */
bool outbound_is_half_done(const struct port_queue *p);

/*
 * Reads frames of the host, the urgent ones first, and puts them on the wire, until the host has no more,
 * the queue has no room, or has had its turn. Frames that wait for room
 * stay half done. While the lane settles no new ones are read. How many frames of the host were taken up.
 */
uint32_t outbound_run(struct port_queue *p);

/* Called now and then: gives up datagrams of the host whose fragments are not complete after REASSEMBLY_NS. */
void outbound_expire(struct port_queue *p);

/* Whether a frame of the host is half done because the NIC has no room: then the loop waits for room, not for the host.
 */
bool outbound_waits_for_nic(const struct port_queue *p);

#endif
