/* SPDX-License-Identifier: BSD-2-Clause */
/* What happens to interfaces, and what becomes of the guard by it: a NIC goes, comes back, grows, or is renamed. */
#ifndef LOADER_DAEMON_NIC_EVENTS_H
#define LOADER_DAEMON_NIC_EVENTS_H

#include "guard.h"
#include "net/netdev.h"

/* Lost: of some it was not heard, so each is looked at. */
void nic_events_on_link(struct guard *g, const struct netdev *dev, bool gone);
void nic_events_on_links_lost(struct guard *g);

/* arg is the guard. Another one has taken its place, by name and number; it has another number of queues. */
void nic_events_on_lost(void *arg, struct nic *nic);
void nic_events_on_requeued(void *arg, struct nic *nic);

#endif
