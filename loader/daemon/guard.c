/* SPDX-License-Identifier: BSD-2-Clause */
#include "guard.h"

#include <errno.h>

#include "attach/backstop.h"
#include "attach/gates.h"
#include "attach/gre.h"
#include "closing.h"
#include "lib/log.h"

void guard_run_worker(struct guard *g)
{
	struct worker_port ports[PORTS_MAX];
	unsigned n = 0;

	for (unsigned i = 0; i < PORTS_MAX; i++)
		if (g->nics->nic[i].used && g->nics->nic[i].present)
			ports[n++] = (struct worker_port){.index = i, .tap_fd = g->nics->nic[i].tap.fd};
	worker_run(g->worker, ports, n);
}

void guard_sync_gre(const struct guard *g)
{
	gre_sync(g->maps, g->nics, g->config);
}

/* Whether the worker holds the TAP of the NIC. */
static bool is_held(struct guard *g, const char *name)
{
	const struct nic *nic = nics_find(g->nics, name);

	return nic && nic->present;
}

/* 'detach all' has taken it down; whoever attaches wants it closed again. */
static void renew_backstop(struct guard *g)
{
	struct fault f;

	if (backstop_is_up(g->instance->bpf_dir) || !g->opened)
		return;
	if (closing_put_backstop(g->instance->bpf_dir, g->config, &f))
		log_line("no backstop: %s", f.text);
	ways_ask_backstop(g->ways, g->instance->bpf_dir);
	g->opened = false;
}

/* Of a NIC that is new, or comes back, the worker knows nothing, and goes on meanwhile. */
int guard_attach(struct guard *g, const struct interface_config *config, struct fault *f)
{
	const bool held = is_held(g, config->name);
	int err;

	if (held)
		worker_stop(g->worker);
	renew_backstop(g);
	err = nic_attach(g->nics, config, f);
	gates_cover(g->maps);
	route_watch_kick(g->routes);
	guard_sync_gre(g);
	if (!err)
		nic_log_attached(g->nics, nics_find(g->nics, config->name));
	if (!err || held)
		guard_run_worker(g);
	return err;
}

static void open_gate(struct guard *g, struct nic *nic)
{
	log_line("%s: detached: the gate is open, what was protected goes in clear", nic->config.name);
	nic_detach(g->nics, nic);
}

static void after_detach(struct guard *g)
{
	gates_cover(g->maps);
	g->opened = !nics_any(g->nics);
	route_watch_kick(g->routes);
	guard_sync_gre(g);
	guard_run_worker(g);
}

int guard_detach(struct guard *g, const char *name, struct fault *f)
{
	struct nic *nic = nics_find(g->nics, name);

	if (!nic)
		return fault(f, ENOENT, "%s: not attached: 'status' shows what is", name);
	worker_stop(g->worker);
	open_gate(g, nic);
	after_detach(g);
	return 0;
}

int guard_detach_all(struct guard *g)
{
	worker_stop(g->worker);
	for (unsigned i = 0; i < PORTS_MAX; i++)
		if (g->nics->nic[i].used)
			open_gate(g, &g->nics->nic[i]);
	backstop_remove(g->instance->bpf_dir);
	log_line("the backstop is down: nothing is guarded until an interface is attached again");
	after_detach(g);
	ways_ask_backstop(g->ways, g->instance->bpf_dir);
	return 0;
}
