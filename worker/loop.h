/* SPDX-License-Identifier: BSD-2-Clause */
/* Who has a turn, and when to sleep. */
#ifndef WORKER_LOOP_H
#define WORKER_LOOP_H

#include "lane.h"

/* Moves packets on the lane's queues until *stop is set by another thread, which then wakes the lane. */
void loop_run(struct lane *l, const bool *stop);

#endif
