/* SPDX-License-Identifier: BSD-2-Clause */
/* What happens to interfaces, and what the supervisor makes of it: a NIC goes, comes back, grows, or is renamed. */
#ifndef LOADER_NIC_EVENTS_H
#define LOADER_NIC_EVENTS_H

#include "net/netdev.h"
#include "attach/nics.h"

/* arg is the supervisor. Lost: of some it was not heard, so each is looked at. */
void nic_events_on_link(void *arg, const struct netdev *dev, bool gone);
void nic_events_on_links_lost(void *arg);

/* Another one has taken its place, by name and number; it has another number of queues. */
void nic_events_on_lost(void *arg, struct nic *nic);
void nic_events_on_requeued(void *arg, struct nic *nic);

#endif
