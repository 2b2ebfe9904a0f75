/* SPDX-License-Identifier: BSD-2-Clause */
#include "nic_events.h"

#include <string.h>

#include "events/events.h"
#include "lib/log.h"

static void come_back(struct guard *g, struct nic *nic)
{
	const struct interface_config config = nic->config;
	const uint32_t before = nic->last_ifindex;
	struct fault f;

	if (guard_attach(g, &config, &f)) {
		log_warning("%s: is back, but cannot be attached: %s", config.name, f.text);
		return;
	}
	sa_rebind_dev(g->sas, before, (uint32_t)nic->dev.ifindex);
	events_tell_text(KIND_INTERFACE_BACK, NULL, "interface", config.name);
}

/* If it cannot, it goes on as it was; only another MTU is tried again. */
static void grow(struct guard *g, struct nic *nic, const struct netdev *dev)
{
	const struct interface_config config = nic->config;
	struct fault f;

	if (!guard_attach(g, &config, &f))
		return;
	log_warning("%s: MTU %u: %s", dev->name, dev->mtu, f.text);
	if (nic->present)
		nic_changed(g->nics, nic, dev);
}

static struct nic *find_present(struct guard *g, int ifindex)
{
	for (unsigned i = 0; i < PORTS_MAX; i++)
		if (g->nics->nic[i].used && g->nics->nic[i].present && g->nics->nic[i].dev.ifindex == ifindex)
			return &g->nics->nic[i];
	return NULL;
}

/* Whatever it is called now, it is the NIC that is attached: only 'detach' opens its gate. */
static void take_name(struct nic *nic, const struct netdev *dev)
{
	if (strcmp(nic->dev.name, dev->name) == 0)
		return;
	memcpy(nic->dev.name, dev->name, sizeof(nic->dev.name));
	if (strcmp(nic->config.name, dev->name) != 0)
		log_line("%s: is called %s now, and stays attached as %s: 'detach %s' and 'attach %s' change that",
			 nic->config.name, dev->name, nic->config.name, nic->config.name, dev->name);
}

/* An interface that is new to us, by a name that the file or 'attach' has. */
static void appeared(struct guard *g, struct nic *nic, const struct netdev *dev)
{
	if (!nic->present) {
		come_back(g, nic);
	} else if (nic->namesake != dev->ifindex) {
		nic->namesake = dev->ifindex;
		log_warning(
			"%s: another interface has that name now, and is not attached: %s; '%s' is what was called so "
			"before",
			dev->name, g->ways->backstop ? "what is protected is dropped there" : "it is in clear",
			nic->dev.name);
	}
}

static void went(struct guard *g, struct nic *nic)
{
	struct netdev namesake;

	log_warning("%s: is gone; it is attached again when it comes back", nic->config.name);
	events_tell_text(KIND_INTERFACE_GONE, NULL, "interface", nic->config.name);
	worker_detach(g->worker, nics_index(g->nics, nic));
	nic_gone(g->nics, nic);
	if (netdev_get(nic->config.name, &namesake, NULL) == 0)
		come_back(g, nic);
}

void nic_events_on_lost(void *arg, struct nic *nic)
{
	went(arg, nic);
}

/* As for an MTU: if it cannot be served with that many, it goes on as it was. */
void nic_events_on_requeued(void *arg, struct nic *nic)
{
	const struct interface_config config = nic->config;
	struct fault f;

	log_line("%s: has %u queue%s now: attached anew", config.name, nic->queues_seen,
		 nic->queues_seen == 1 ? "" : "s");
	if (guard_attach(arg, &config, &f))
		log_warning("%s", f.text);
}

void nic_events_on_link(struct guard *g, const struct netdev *dev, bool gone)
{
	struct nic *nic = find_present(g, dev->ifindex), *named = nics_find(g->nics, dev->name);

	if (!nic) {
		if (named && !gone)
			appeared(g, named, dev);
		return;
	}
	if (gone) {
		went(g, nic);
		return;
	}
	take_name(nic, dev);
	if (nic_has_outgrown(g->nics, nic, dev)) {
		grow(g, nic, dev);
		return;
	}
	nic_changed(g->nics, nic, dev);
	guard_on_link(g, nic);
}

/*
 * Notifications were lost: what they would have said is read from the interfaces. What cannot be read is no interface
 * that is gone, and one that has another name now is not either: its gate would be opened.
 */
void nic_events_on_links_lost(struct guard *g)
{
	for (unsigned i = 0; i < PORTS_MAX; i++) {
		struct nic *nic = &g->nics->nic[i];
		struct netdev dev, old = nic->dev;

		if (!nic->used)
			continue;
		if (nic->present && netdev_is_gone(old.ifindex))
			nic_events_on_link(g, &old, true);
		if (netdev_get(nic->config.name, &dev, NULL) == 0)
			nic_events_on_link(g, &dev, false);
	}
}
