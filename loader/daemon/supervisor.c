/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "supervisor.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attach/gates.h"
#include "attach/gre.h"
#include "attach/hook_watch.h"
#include "closing.h"
#include "config/config_file.h"
#include "connection_policies.h"
#include "control_server.h"
#include "datapath_events.h"
#include "guard.h"
#include "ike_news.h"
#include "ike_process.h"
#include "latency.h"
#include "lib/log.h"
#include "lib/privileges.h"
#include "liveness/liveness.h"
#include "net/link_watch.h"
#include "nic_events.h"
#include "policy/locals.h"
#include "requests.h"
#include "service.h"

/* What one host's supervisor holds. */
struct supervisor {
	struct instance instance;
	const char *config_path;
	struct config config;
	bool open_on_exit; /* detach-on-exit */
	bool closed;	   /* the gate is */

	struct maps maps;
	struct vault vault;
	struct sa_database sas;
	struct programs programs;
	struct nics nics;
	struct guard guard;
	struct keylog_files keylog;
	struct capture_session capture;

	struct event_base *base;
	struct event *signals[4];
	struct worker worker;
	struct ike_process ike;
	struct ike_news news;
	struct datapath_events events;
	struct link_watch links;
	struct route_watch routes;
	struct hook_watch hooks;
	struct ways ways;
	struct liveness liveness;
	struct latency latency;
	struct steering steering;
	struct requests requests;
	struct control_server *control;
	bool told_ready;
};

/* ---- what happens ---- */

static void sync_gre(void *arg)
{
	struct supervisor *s = arg;

	guard_sync_gre(&s->guard);
}

static void on_worker_ready(void *arg)
{
	struct supervisor *s = arg;

	if (s->told_ready)
		return;
	s->told_ready = true;
	service_notify("READY=1");
}

static bool is_worker_ready(void *arg)
{
	const struct supervisor *s = arg;

	return worker_is_ready(&s->worker);
}

static void on_dead(void *arg, const char *connection)
{
	struct supervisor *s = arg;

	ike_news_dead(&s->news, connection);
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

static void on_link(void *arg, const struct netdev *dev, bool gone)
{
	struct supervisor *s = arg;

	nic_events_on_link(&s->guard, dev, gone);
}

static void on_address(void *arg, const uint8_t addr[4], bool present)
{
	struct supervisor *s = arg;

	ike_news_address(&s->news, addr, present);
	sync_gre(s);
}

static void on_overrun(void *arg)
{
	struct supervisor *s = arg;

	nic_events_on_links_lost(&s->guard);
	ike_news_addresses_lost(&s->news);
	sync_gre(s);
}

/* Interfaces have come, gone, or been put on others. */
static void on_settled(void *arg)
{
	struct supervisor *s = arg;

	gates_cover(&s->maps);
	route_watch_kick(&s->routes);
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
		if (guard_attach(&s->guard, wanted, &f) == 0)
			continue;
		log_line("%s", f.text);
		if (!nic)
			nic_expect(&s->nics, wanted);
	}
	if (fresh->mark != s->config.mark || fresh->unknown_spi != s->config.unknown_spi ||
	    strcmp(fresh->aead, s->config.aead) != 0 || fresh->lanes != s->config.lanes ||
	    fresh->low_latency != s->config.low_latency || strcmp(fresh->cpus, s->config.cpus) != 0 ||
	    fresh->keylog != s->config.keylog)
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
	sync_gre(s);
	if (liveness_configure(&s->liveness, before, &f))
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
	log_line("%s: reloaded; NICs that are not in it stay attached: only 'detach' gives one up", s->config_path);
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

/* The two programs, not started yet. */
static int make_children(struct supervisor *s, struct fault *f)
{
	s->worker = (struct worker){
		.base = s->base,
		.instance = s->instance.name,
		.bpf_dir = s->instance.bpf_dir,
		.aead_option = s->config.aead,
		.vault_fd = s->vault.fd,
		.maps = &s->maps,
		.lanes = s->config.lanes,
		.low_latency = s->config.low_latency,
		.cpus = s->config.cpus,
		.on_ready = on_worker_ready,
		.arg = s,
	};
	s->ike = (struct ike_process){
		.base = s->base,
		.instance = s->instance.name,
		.maps = &s->maps,
		.vault_fd = s->vault.fd,
		.config_path = s->config_path,
		.keylog = s->keylog,
		.on_done = on_ike_done,
		.on_lost = on_ike_lost,
		.on_gre = sync_gre,
		.arg = s,
	};
	if (worker_init(&s->worker) || ike_init(&s->ike))
		return fault(f, ENOMEM, "children: %s", strerror(ENOMEM));
	return 0;
}

/* What acts on NICs, routes and connections when somebody asks, or a watch tells. */
static void make_actors(struct supervisor *s)
{
	s->guard = (struct guard){
		.instance = &s->instance,
		.config = &s->config,
		.maps = &s->maps,
		.nics = &s->nics,
		.sas = &s->sas,
		.worker = &s->worker,
		.ways = &s->ways,
		.routes = &s->routes,
		.steering = &s->steering,
	};
	s->news = (struct ike_news){.ike = &s->ike, .maps = &s->maps};
	s->requests =
		(struct requests){.guard = &s->guard, .ike = &s->ike, .liveness = &s->liveness, .capture = &s->capture};
	s->ways = (struct ways){.maps = &s->maps};
	ways_ask_backstop(&s->ways, s->instance.bpf_dir);
	s->liveness = (struct liveness){
		.base = s->base,
		.maps = &s->maps,
		.is_way_open = is_worker_ready,
		.on_dead = on_dead,
		.arg = s,
	};
	liveness_init(&s->liveness);
}

static int start_watches(struct supervisor *s, struct fault *f)
{
	int err;

	s->events.on_event = ike_news_event;
	s->events.arg = &s->news;
	s->links = (struct link_watch){
		.on_link = on_link,
		.on_address = on_address,
		.on_settled = on_settled,
		.on_overrun = on_overrun,
		.arg = s,
	};
	s->routes = (struct route_watch){.on_change = on_route_change, .arg = s};
	s->hooks = (struct hook_watch){
		.nics = &s->nics,
		.on_lost = nic_events_on_lost,
		.on_requeued = nic_events_on_requeued,
		.arg = &s->guard,
	};
	err = datapath_events_start(&s->events, s->base, &s->maps, f);
	if (!err)
		err = link_watch_start(&s->links, s->base, f);
	if (!err)
		err = route_watch_start(&s->routes, s->base, f);
	return err ? err : hook_watch_start(&s->hooks, s->base, f);
}

static int start_parts(struct supervisor *s, struct fault *f)
{
	int err = start_loop(s, f);

	if (err)
		return err;
	make_actors(s);
	err = make_children(s, f);
	if (err)
		return err;
	capture_session_init(&s->capture, &s->worker, &s->maps);
	err = start_watches(s, f);
	if (!err)
		steering_start(&s->steering, s->base, &s->nics);
	return err;
}

static void forget_old_sas(struct supervisor *s)
{
	const unsigned n = sa_forget_all(&s->sas);

	locals_sync(&s->maps, NULL);
	if (n)
		log_line("%u SAs added by hand in an earlier run are forgotten, for their keys are: add them again", n);
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

/* Whether it can be had or not, what is protected stays so. */
static void start_latency(struct supervisor *s)
{
	struct fault f;

	if (s->config.low_latency && latency_start(&s->latency, s->base, &s->maps, &f))
		log_line("latency = low: %s; going on without", f.text);
}

/* Each step undoes itself on an error; stop() undoes those before. */
static int start(struct supervisor *s, struct fault *f)
{
	const struct closing c = closing_of(s);
	int err = close_gate(s, f);

	if (!err)
		err = keylog_files_start(&s->keylog, &s->instance, s->config.keylog, f);
	if (!err)
		err = privileges_to_end_children(f);
	if (!err)
		err = vault_create(&s->vault, f);
	if (err)
		return err;
	s->sas = (struct sa_database){.maps = &s->maps, .vault = &s->vault, .keylog = s->keylog.esp};
	forget_old_sas(s);
	err = start_parts(s, f);
	if (!err)
		err = ike_run(&s->ike, &s->config, f);
	if (!err)
		err = liveness_configure(&s->liveness, &s->config, f);
	if (!err)
		err = closing_settle(&c, f);
	if (!err)
		err = control_server_start(&s->control, s->base, &s->instance, requests_handle, &s->requests, f);
	if (err)
		return err;
	s->requests.control = s->control;
	/* What came and went between closing and listening. */
	nic_events_on_links_lost(&s->guard);
	sync_gre(s);
	gre_report(&s->maps, &s->config);
	ways_look(&s->ways, &s->config, true);
	start_latency(s);
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
			 "run again, or open it by 'xdp-ipsec --instance %s detach all'",
			 s->instance.name);
}

static void leave_maps(struct supervisor *s)
{
	const struct closing c = closing_of(s);

	closing_undo_unused(&c, s->guard.opened || s->open_on_exit);
	maps_close(&s->maps);
	programs_free(&s->programs);
}

static void stop(struct supervisor *s, bool orderly)
{
	control_server_stop(s->control);
	s->control = NULL;
	liveness_stop(&s->liveness);
	latency_stop(&s->latency);
	steering_stop(&s->steering);
	/* It says good-bye to its peers while there is still a way out. */
	ike_fini(&s->ike);
	if (s->worker.child.again)
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
	link_watch_stop(&s->links);
	route_watch_stop(&s->routes);
	hook_watch_stop(&s->hooks);
	ways_free(&s->ways);
	datapath_events_stop(&s->events);
	for (size_t i = 0; i < 4; i++)
		if (s->signals[i])
			event_free(s->signals[i]);
	if (s->base)
		event_base_free(s->base);
	vault_close(&s->vault);
	keylog_files_stop(&s->keylog, &s->instance);
	config_free(&s->config);
	instance_unlock(&s->instance);
}

int supervisor_run(const struct instance *in, const char *config_path, bool open_on_exit, struct fault *f)
{
	static struct supervisor s;
	int err;

	s.instance = *in;
	s.config_path = config_path;
	s.open_on_exit = open_on_exit;
	s.vault.fd = -1;
	s.keylog = (struct keylog_files){-1, -1};
	privileges_harden();
	/* A TAP has a descriptor for each queue. */
	privileges_raise_files();
	err = start(&s, f);
	if (!err) {
		guard_serve_all(&s.guard);
		if (!worker_is_wanted(&s.worker))
			on_worker_ready(&s);
		event_base_dispatch(s.base);
		service_notify("STOPPING=1");
	}
	stop(&s, !err);
	return err;
}
