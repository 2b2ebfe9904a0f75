/* SPDX-License-Identifier: BSD-2-Clause */
/* Who has a turn, and when to sleep. */
#ifndef WORKER_LOOP_H
#define WORKER_LOOP_H

#include "lane/lane.h"

/*
 * In the midst of bulk the next packets come anyway. Asleep on its sockets a lane would be woken by each of them, which
 * costs the CPU that delivers them as much as its own; a nap that no packet ends lets them gather, and super-packets
 * grow. Shorter naps bring no batches; longer ones let TCP's window and the rings run out. A packet or two, as of a
 * ping, are not bulk and never wait; nor do the host's super-packets, which are a few frames however large.
 */
#define NAP_NS (60 * 1000)
/* With latency = low, unless a whole batch had gathered. */
#define NAP_LOW_NS (10 * 1000)

/* Does what the order says, and gives it back. loop_run() does that between two turns; it is for who has no loop. */
void loop_obey(struct lane *l, struct lane_order *order);

/* Moves packets on the lane's queues until *stop is set by another thread, which then wakes the lane. */
void loop_run(struct lane *l, const bool *stop);

#endif
