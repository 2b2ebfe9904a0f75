/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "supervisor.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attach/backstop.h"
#include "closing.h"
#include "connection_policies.h"
#include "attach/gates.h"
#include "attach/gre.h"
#include "ike_news.h"
#include "policy/locals.h"
#include "lib/log.h"
#include "nic_events.h"
#include "lib/privileges.h"
#include "requests.h"
#include "service.h"
#include "command/session.h"

/* ---- NICs and their worker ---- */

void supervisor_run_worker(struct supervisor *s)
{
	struct worker_port ports[PORTS_MAX];
	unsigned n = 0;

	for (unsigned i = 0; i < PORTS_MAX; i++)
		if (s->nics.nic[i].used && s->nics.nic[i].present)
			ports[n++] = (struct worker_port){.index = i, .tap_fd = s->nics.nic[i].tap.fd};
	worker_run(&s->worker, ports, n);
}

void supervisor_sync_gre(void *arg)
{
	const struct supervisor *s = arg;

	gre_sync(&s->maps, &s->nics, &s->config);
}

/* Whether the worker holds the TAP of the NIC. */
static bool is_held(struct supervisor *s, const char *name)
{
	const struct nic *nic = nics_find(&s->nics, name);

	return nic && nic->present;
}

/* 'detach all' has taken it down; whoever attaches wants it closed again. */
static void renew_backstop(struct supervisor *s)
{
	struct fault f;

	if (backstop_is_up(s->instance.bpf_dir) || !s->opened)
		return;
	if (closing_put_backstop(s->instance.bpf_dir, &s->config, &f))
		log_line("no backstop: %s", f.text);
	s->ways.backstop = backstop_is_up(s->instance.bpf_dir);
	s->opened = false;
}

/* Of a NIC that is new, or comes back, the worker knows nothing, and goes on meanwhile. */
int supervisor_attach(struct supervisor *s, const struct interface_config *config, struct fault *f)
{
	const bool held = is_held(s, config->name);
	int err;

	if (held)
		worker_stop(&s->worker);
	renew_backstop(s);
	err = nic_attach(&s->nics, config, f);
	gates_cover(&s->maps);
	route_monitor_kick(&s->routes);
	supervisor_sync_gre(s);
	if (!err)
		nic_log_attached(&s->nics, nics_find(&s->nics, config->name));
	if (!err || held)
		supervisor_run_worker(s);
	return err;
}

static void open_gate(struct supervisor *s, struct nic *nic)
{
	log_line("%s: detached: the gate is open, what was protected goes in clear", nic->config.name);
	nic_detach(&s->nics, nic);
}

static void after_detach(struct supervisor *s)
{
	gates_cover(&s->maps);
	s->opened = !nics_any(&s->nics);
	route_monitor_kick(&s->routes);
	supervisor_sync_gre(s);
	supervisor_run_worker(s);
}

int supervisor_detach(struct supervisor *s, const char *name, struct fault *f)
{
	struct nic *nic = nics_find(&s->nics, name);

	if (!nic)
		return fault(f, ENOENT, "%s: not attached: 'status' shows what is", name);
	worker_stop(&s->worker);
	open_gate(s, nic);
	after_detach(s);
	return 0;
}

int supervisor_detach_all(struct supervisor *s)
{
	worker_stop(&s->worker);
	for (unsigned i = 0; i < PORTS_MAX; i++)
		if (s->nics.nic[i].used)
			open_gate(s, &s->nics.nic[i]);
	backstop_remove(s->instance.bpf_dir);
	log_line("the backstop is down: nothing is guarded until an interface is attached again");
	after_detach(s);
	s->ways.backstop = false;
	return 0;
}

/* ---- what happens ---- */

static void on_worker_ready(void *arg)
{
	struct supervisor *s = arg;

	if (s->told_ready)
		return;
	s->told_ready = true;
	service_notify("READY=1");
}

static void on_ike_done(void *arg, uint64_t ticket, const char *error)
{
	struct supervisor *s = arg;

	control_server_answer(s->control, ticket, error);
}

static void on_ike_lost(void *arg)
{
	struct supervisor *s = arg;

	control_server_abandon(s->control, "IKE has ended before it was done: the log says why");
}

static void on_address(void *arg, const uint8_t addr[4], bool present)
{
	struct supervisor *s = arg;

	ike_on_address(s, addr, present);
	supervisor_sync_gre(s);
}

static void on_overrun(void *arg)
{
	struct supervisor *s = arg;

	nic_events_on_links_lost(s);
	ike_on_addresses_lost(s);
	supervisor_sync_gre(s);
}

/* Interfaces have come, gone, or been put on others. */
static void on_settled(void *arg)
{
	struct supervisor *s = arg;

	gates_cover(&s->maps);
	route_monitor_kick(&s->routes);
}

static void on_route_change(void *arg)
{
	struct supervisor *s = arg;

	ways_look(&s->ways, &s->config, false);
}

static void reload_interfaces(struct supervisor *s, const struct config *fresh)
{
	struct fault f;

	for (unsigned i = 0; i < fresh->interface_count; i++) {
		const struct interface_config *wanted = &fresh->interfaces[i];
		const struct nic *nic = nics_find(&s->nics, wanted->name);

		if (nic && interface_config_same(&nic->config, wanted))
			continue;
		if (supervisor_attach(s, wanted, &f) == 0)
			continue;
		log_line("%s", f.text);
		if (!nic)
			nic_expect(&s->nics, wanted);
	}
	if (fresh->mark != s->config.mark || fresh->unknown_spi != s->config.unknown_spi ||
	    strcmp(fresh->aead, s->config.aead) != 0 || fresh->keylog != s->config.keylog)
		log_line("%s: what changed in [daemon] counts from the next start on", s->config_path);
}

/*
 * IKE first: it says whether keys and certificates are good. What a connection
 * that is new protects has no SA before its policy is there, and that is a moment later.
 */
static bool reload_connections(struct supervisor *s, struct config *fresh)
{
	struct config *before = &s->config;
	struct fault f;

	if (connection_policies_check(&s->maps, fresh, &f)) {
		log_line("%s; going on as before", f.text);
		return false;
	}
	if (ike_run(&s->ike, fresh, &f) || connection_policies_sync(&s->maps, fresh, &f)) {
		log_line("%s; going on as before", f.text);
		/* Whatever comes of that, fresh is no more. */
		s->ike.config = before;
		if (ike_run(&s->ike, before, &f))
			log_line("%s", f.text);
		return false;
	}
	config_free(before);
	before->connections = fresh->connections;
	before->connection_count = fresh->connection_count;
	before->policies = fresh->policies;
	before->policy_count = fresh->policy_count;
	before->cookie_threshold = fresh->cookie_threshold;
	before->ike_dscp = fresh->ike_dscp;
	s->ike.config = before;
	supervisor_sync_gre(s);
	if (monitors_configure(&s->monitors, before, &f))
		log_line("%s; the monitors go on as before", f.text);
	return true;
}

static void reload(struct supervisor *s)
{
	struct config fresh;
	struct fault f;

	if (config_read(&fresh, s->config_path, &f)) {
		log_line("%s; going on as before", f.text);
		return;
	}
	if (!reload_connections(s, &fresh)) {
		config_free(&fresh);
		return;
	}
	reload_interfaces(s, &fresh);
	gre_report(&s->maps, &s->config);
	ways_look(&s->ways, &s->config, true);
	log_line("%s: reloaded; NICs that are not in it stay as they are: only 'detach' opens a gate", s->config_path);
}

static void on_signal(evutil_socket_t number, short what, void *arg)
{
	struct supervisor *s = arg;

	(void)what;
	if (number == SIGCHLD) {
		worker_reap(&s->worker);
		ike_reap(&s->ike);
	} else if (number == SIGHUP)
		reload(s);
	else
		event_base_loopbreak(s->base);
}

/* ---- start ---- */

static int start_loop(struct supervisor *s, struct fault *f)
{
	static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD};

	s->base = event_base_new();
	if (!s->base)
		return fault(f, ENOMEM, "event loop: %s", strerror(ENOMEM));
	for (size_t i = 0; i < 4; i++) {
		s->signals[i] = evsignal_new(s->base, numbers[i], on_signal, s);
		if (!s->signals[i] || event_add(s->signals[i], NULL) < 0)
			return fault(f, ENOMEM, "event loop: %s", strerror(ENOMEM));
	}
	signal(SIGPIPE, SIG_IGN);
	return 0;
}

static int start_parts(struct supervisor *s, struct fault *f)
{
	int err = start_loop(s, f);

	if (err)
		return err;
	s->worker = (struct worker){
		.base = s->base,
		.instance = s->instance.name,
		.bpf_dir = s->instance.bpf_dir,
		.aead_option = s->config.aead,
		.vault_fd = s->vault.fd,
		.turns = s->maps.turns,
		.on_ready = on_worker_ready,
		.arg = s,
	};
	s->ike = (struct ike_process){
		.base = s->base,
		.instance = s->instance.name,
		.maps = &s->maps,
		.vault_fd = s->vault.fd,
		.config_path = s->config_path,
		.run_dir = s->instance.run_dir,
		.on_done = on_ike_done,
		.on_lost = on_ike_lost,
		.on_gre = supervisor_sync_gre,
		.arg = s,
	};
	s->events.on_event = ike_on_event;
	s->events.arg = s;
	s->links = (struct link_monitor){
		.on_link = nic_events_on_link,
		.on_address = on_address,
		.on_settled = on_settled,
		.on_overrun = on_overrun,
		.arg = s,
	};
	s->hooks = (struct hook_watch){
		.nics = &s->nics,
		.on_lost = nic_events_on_lost,
		.on_requeued = nic_events_on_requeued,
		.arg = s,
	};
	s->routes = (struct route_monitor){.on_change = on_route_change, .arg = s};
	s->ways = (struct ways){.maps = &s->maps, .backstop = backstop_is_up(s->instance.bpf_dir)};
	s->monitors = (struct monitors){
		.base = s->base,
		.maps = &s->maps,
		.worker = &s->worker,
		.on_dead = ike_on_dead,
		.arg = s,
	};
	monitors_init(&s->monitors);
	if (worker_init(&s->worker) || ike_init(&s->ike))
		return fault(f, ENOMEM, "children: %s", strerror(ENOMEM));
	err = events_start(&s->events, s->base, &s->maps, f);
	if (!err)
		err = link_monitor_start(&s->links, s->base, f);
	if (!err)
		err = route_monitor_start(&s->routes, s->base, f);
	if (!err)
		err = hook_watch_start(&s->hooks, s->base, f);
	return err;
}

static void forget_old_sas(struct supervisor *s)
{
	const unsigned n = sa_forget_all(&s->sas);

	locals_sync(&s->maps, NULL);
	if (n)
		log_line("%u SAs of an earlier run are forgotten, for their keys are: add them again", n);
}

static struct closing closing_of(struct supervisor *s)
{
	return (struct closing){
		.instance = &s->instance,
		.config = &s->config,
		.config_path = s->config_path,
		.maps = &s->maps,
		.programs = &s->programs,
		.nics = &s->nics,
	};
}

/* The gate is closed before anything else, so that whatever fails after that leaves it closed. */
static int close_gate(struct supervisor *s, struct fault *f)
{
	struct closing c = closing_of(s);
	int err = config_read(&s->config, s->config_path, f);

	if (!err)
		err = instance_lock(&s->instance, f);
	if (!err && s->instance.bpffs.private)
		log_line("%s", bpffs_private_warning);
	if (!err)
		err = closing_run(&c, f);
	s->closed = c.closed;
	return err;
}

/* Each step undoes itself on an error; stop() undoes those before. */
static int start(struct supervisor *s, struct fault *f)
{
	const struct closing c = closing_of(s);
	int err = close_gate(s, f);

	if (!err)
		err = privileges_to_end_children(f);
	if (!err)
		err = vault_create(&s->vault, f);
	if (err)
		return err;
	s->sas = (struct sa_database){.maps = &s->maps, .vault = &s->vault};
	forget_old_sas(s);
	err = start_parts(s, f);
	if (!err)
		err = ike_run(&s->ike, &s->config, f);
	if (!err)
		err = monitors_configure(&s->monitors, &s->config, f);
	if (!err)
		err = closing_settle(&c, f);
	if (!err)
		err = control_server_start(&s->control, s->base, &s->instance, requests_handle, s, f);
	if (err)
		return err;
	/* What came and went between closing and listening. */
	nic_events_on_links_lost(s);
	supervisor_sync_gre(s);
	gre_report(&s->maps, &s->config);
	ways_look(&s->ways, &s->config, true);
	return 0;
}

/* ---- stop ---- */

static void leave_nic(struct supervisor *s, struct nic *nic)
{
	if (s->open_on_exit) {
		log_line("%s: detached as detach-on-exit says: the gate is open", nic->config.name);
		nic_detach(&s->nics, nic);
	} else {
		log_line("%s: what it protects stays blocked%s: 'xdp-ipsec detach %s' opens the gate", nic->config.name,
			 instance_gate_limit(&s->instance), nic->config.name);
	}
}

static void leave_nics(struct supervisor *s)
{
	for (unsigned i = 0; i < PORTS_MAX; i++)
		if (s->nics.nic[i].used)
			leave_nic(s, &s->nics.nic[i]);
}

/* A start that failed leaves closed what it has closed; where nothing is protected it leaves nothing. */
static void leave_failed(struct supervisor *s)
{
	const bool policies = closing_has_policies(&s->maps);

	for (unsigned i = 0; i < PORTS_MAX && !policies; i++)
		if (s->nics.nic[i].used)
			nic_detach(&s->nics, &s->nics.nic[i]);
	if (policies && s->closed)
		log_line("the gate is closed all the same: what policies protect stays blocked; mend what failed and "
			 "run "
			 "again, or open it by 'xdp-ipsec detach all'");
}

static void leave_maps(struct supervisor *s)
{
	const struct closing c = closing_of(s);

	closing_undo_unused(&c, s->opened || s->open_on_exit);
	maps_close(&s->maps);
	programs_free(&s->programs);
}

static void stop(struct supervisor *s, bool orderly)
{
	control_server_stop(s->control);
	s->control = NULL;
	monitors_stop(&s->monitors);
	/* It says good-bye to its peers while there is still a way out. */
	ike_fini(&s->ike);
	if (s->worker.again)
		worker_fini(&s->worker);
	if (s->maps.port) {
		if (orderly)
			leave_nics(s);
		else
			leave_failed(s);
		nics_close(&s->nics);
		if (s->sas.maps)
			sa_forget_all(&s->sas);
		leave_maps(s);
	}
	link_monitor_stop(&s->links);
	route_monitor_stop(&s->routes);
	hook_watch_stop(&s->hooks);
	ways_free(&s->ways);
	events_stop(&s->events);
	for (size_t i = 0; i < 4; i++)
		if (s->signals[i])
			event_free(s->signals[i]);
	if (s->base)
		event_base_free(s->base);
	vault_close(&s->vault);
	config_free(&s->config);
	instance_unlock(&s->instance);
}

int run_command(const struct invocation *inv)
{
	static struct supervisor s = {.instance.lock_fd = -1};
	const char *path = word(inv, "-c");
	struct fault f;
	int err = session_instance(inv, &s.instance, &f);

	s.config_path = path ? path : CONFIG_DEFAULT_PATH;
	s.open_on_exit = word(inv, "detach-on-exit");
	s.vault.fd = -1;
	vault_harden_process();
	if (!err)
		err = start(&s, &f);
	if (!err) {
		supervisor_run_worker(&s);
		if (!s.worker.wanted)
			on_worker_ready(&s);
		event_base_dispatch(s.base);
		service_notify("STOPPING=1");
	}
	stop(&s, !err);
	return err ? cli_fail(inv, f.text) : EXIT_SUCCESS;
}
