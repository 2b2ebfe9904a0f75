/* SPDX-License-Identifier: BSD-2-Clause */
/* What becomes of the guard when something happens to interfaces: a NIC goes, comes back, grows, or is renamed. */
#ifndef LOADER_DAEMON_NIC_EVENTS_H
#define LOADER_DAEMON_NIC_EVENTS_H

#include "guard.h"
#include "net/netdev.h"

/* An interface is there, new or changed, or it is gone. */
void nic_events_on_link(struct guard *g, const struct netdev *dev, bool gone);

/* Changes may have been missed: every interface is looked at. */
void nic_events_on_links_lost(struct guard *g);

/* Of hook_watch.h: another NIC has taken the place of one that was attached; a NIC has another number of queues. arg:
 * the guard. */
void nic_events_on_lost(void *arg, struct nic *nic);
void nic_events_on_requeued(void *arg, struct nic *nic);

#endif
