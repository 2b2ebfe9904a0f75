/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How many pairs of queues a NIC's TAP has: so many queues of the NIC are sent by. */
#ifndef MAPS_TAP_PAIRS_H
#define MAPS_TAP_PAIRS_H

#include <linux/types.h>

/* One for each queue that can send. tx_queues 0: the NIC does not say how many those are. */
static inline __u32 tap_pairs(__u32 queues, __u32 tx_queues)
{
	return tx_queues && tx_queues < queues ? tx_queues : queues;
}

#endif
