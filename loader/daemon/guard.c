/* SPDX-License-Identifier: BSD-2-Clause */
#include "guard.h"

#include <errno.h>

#include "attach/backstop.h"
#include "attach/gates.h"
#include "attach/gre.h"
#include "closing.h"
#include "events/events.h"
#include "instance/pinned_maps.h"
#include "lib/log.h"

/* Steering first: a driver may stop the NIC for a moment. */
static void serve(struct guard *g, struct nic *nic)
{
	steering_attach(g->steering, nic);
	const struct worker_nic of_it = {
		.tap = &nic->tap,
		.tap_link = &nic->tap_link,
		.queues = nic->queues,
		.running = nic->dev.flags & IFF_RUNNING,
	};

	worker_attach(g->worker, nics_index(g->nics, nic), &of_it);
}

/* Nothing has gone by it yet, so nothing is lost that was there. */
void guard_on_link(struct guard *g, struct nic *nic)
{
	const unsigned index = nics_index(g->nics, nic);

	if (!worker_on_link(g->worker, index, nic->dev.flags & IFF_RUNNING))
		return;
	log_line("%s: has a link now: zero-copy is tried", nic->config.name);
	worker_detach(g->worker, index);
	serve(g, nic);
}

void guard_serve_all(struct guard *g)
{
	for (unsigned i = 0; i < PORTS_MAX; i++)
		if (g->nics->nic[i].used && g->nics->nic[i].present)
			serve(g, &g->nics->nic[i]);
}

void guard_sync_gre(const struct guard *g)
{
	gre_sync(g->maps, g->nics, g->config);
}

/* 'detach all' has taken it down; whoever attaches wants it closed again. */
static void renew_backstop(struct guard *g)
{
	struct fault f;

	if (backstop_is_up(g->instance->bpf_dir) || !g->opened)
		return;
	if (closing_put_backstop(g->instance->bpf_dir, g->maps, g->config, &f))
		log_warning("no backstop: %s", f.text);
	ways_ask_backstop(g->ways, g->instance->bpf_dir);
	g->opened = false;
}

/* With a NIC that is attached again, or expected, people want closed what they have opened: it is to stay closed
 * whatever becomes of the NIC, also when this daemon ends. */
static void end_opened(struct guard *g)
{
	g->opened = g->opened && !nics_any(g->nics);
}

int guard_renew_pins(struct guard *g, struct fault *f)
{
	const char *dir = g->instance->bpf_dir;
	const int count = pinned_maps_renew(dir, g->maps, f);

	if (count > 0)
		log_warning("%s: somebody took the pins of %d maps away; pinned again", g->instance->bpffs.shown,
			    count);
	return count < 0 ? count : 0;
}

static void tell_attached(const struct nic *nic, bool closed)
{
	cJSON *values = cJSON_CreateObject();

	nic_log_attached(nic);
	cJSON_AddStringToObject(values, "interface", nic->config.name);
	cJSON_AddStringToObject(values, "mode", nic->mode == PORT_NATIVE ? "native" : "generic");
	cJSON_AddNumberToObject(values, "queues", nic->queues);
	cJSON_AddNumberToObject(values, "mtu", nic->dev.mtu);
	events_tell(KIND_INTERFACE_ATTACHED, NULL, values);
	if (!closed)
		events_tell_text(KIND_GATE_CLOSED, NULL, "interface", nic->config.name);
}

int guard_attach(struct guard *g, const struct interface_config *config, struct fault *f)
{
	struct nic *nic = nics_find(g->nics, config->name);
	const bool closed = nic;
	int err;

	/* Its links' directory may have gone with them. */
	err = guard_renew_pins(g, f);
	if (err)
		return err;
	if (nic && nic->present)
		worker_detach(g->worker, nics_index(g->nics, nic));
	renew_backstop(g);
	err = nic_attach(g->nics, config, f);
	end_opened(g);
	gates_cover(g->maps);
	route_watch_kick(g->routes);
	guard_sync_gre(g);
	nic = nics_find(g->nics, config->name);
	if (!err)
		tell_attached(nic, closed);
	/* If the new settings failed, with the old ones. */
	if (nic && nic->present)
		serve(g, nic);
	return err;
}

int guard_expect(struct guard *g, const struct interface_config *config, struct fault *f)
{
	const int err = nic_expect(g->nics, config, f);

	end_opened(g);
	return err;
}

static void open_gate(struct guard *g, struct nic *nic)
{
	log_warning("%s: detached: the gate is open, what was protected goes in clear", nic->config.name);
	events_tell_text(KIND_INTERFACE_DETACHED, NULL, "interface", nic->config.name);
	events_tell_text(KIND_GATE_OPENED, NULL, "interface", nic->config.name);
	worker_detach(g->worker, nics_index(g->nics, nic));
	nic_detach(g->nics, nic);
}

static void after_detach(struct guard *g)
{
	gates_cover(g->maps);
	g->opened = !nics_any(g->nics);
	route_watch_kick(g->routes);
	guard_sync_gre(g);
}

int guard_detach(struct guard *g, const char *name, struct fault *f)
{
	struct nic *nic = nics_find(g->nics, name);

	if (!nic)
		return fault(f, ENOENT, "%s: not attached: 'status' shows what is", name);
	open_gate(g, nic);
	after_detach(g);
	return 0;
}

int guard_detach_all(struct guard *g)
{
	for (unsigned i = 0; i < PORTS_MAX; i++)
		if (g->nics->nic[i].used)
			open_gate(g, &g->nics->nic[i]);
	backstop_let_go(&g->backstop);
	backstop_remove(g->instance->bpf_dir);
	log_warning("the backstop is down: nothing is guarded until an interface is attached again");
	after_detach(g);
	ways_ask_backstop(g->ways, g->instance->bpf_dir);
	return 0;
}
