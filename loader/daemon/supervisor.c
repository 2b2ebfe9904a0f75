/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "supervisor.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attach/gates.h"
#include "attach/gre.h"
#include "attach/hook_watch.h"
#include "bundled.h"
#include "closing.h"
#include "config/config_file.h"
#include "connection_policies.h"
#include "control_server.h"
#include "datapath_events.h"
#include "drop_watch.h"
#include "events/events.h"
#include "guard.h"
#include "ike_news.h"
#include "ike_process.h"
#include "inherit.h"
#include "latency.h"
#include "lib/clock_check.h"
#include "lib/log.h"
#include "lib/privileges.h"
#include "liveness/liveness.h"
#include "net/link_watch.h"
#include "nic_events.h"
#include "pin_watch.h"
#include "policy/locals.h"
#include "reload.h"
#include "requests.h"
#include "service.h"
#include "service_line.h"
#include "signals.h"
#include "succession.h"
#include "watchdog.h"

/* What one host's supervisor holds. */
struct supervisor {
	struct instance instance;
	const char *config_path;
	struct config config;
	bool open_on_exit; /* detach-on-exit */
	bool closed;	   /* the gate is */
	bool handing_over; /* the next one goes on with the SAs */
	struct succession succession;
	struct inheritance inheritance;

	struct maps maps;
	struct vault vault;
	struct sa_database sas;
	struct programs programs;
	struct nics nics;
	struct guard guard;
	struct reload reload;
	struct keylog_files keylog;
	struct capture_session capture;

	struct event_base *base;
	struct signals signals;
	struct bundled gre;
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
	struct drop_watch drops;
	struct pin_watch pins;
	struct watchdog watchdog;
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

/* Of a mesh thousands of SAs may come or go one after the other, and each time all are looked at. */
static void on_gre(void *arg)
{
	struct supervisor *s = arg;

	bundled_ask(&s->gre);
}

static void tell_status(const struct supervisor *s)
{
	service_tell(&s->nics, &s->worker, &s->ike, &s->config);
}

static void on_worker_ready(void *arg)
{
	struct supervisor *s = arg;

	tell_status(s);
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

static void on_ike_lost(void *arg, bool entirely)
{
	struct supervisor *s = arg;

	if (entirely && s->sas.maps)
		sa_drop_unfinished(&s->sas);
	control_server_abandon(s->control, "IKE has ended before it was done: the log says why");
}

/* Those that were added by hand go on, and their keys are in the log already. */
static void on_ike_none(void *arg)
{
	struct supervisor *s = arg;
	const int keylog = s->sas.keylog;
	struct sa_kept kept;

	s->sas.keylog = -1;
	sa_keep(&s->sas, false, &kept);
	s->sas.keylog = keylog;
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

	ways_look(&s->ways, &s->config);
}

/* The answer goes out before the loop ends. */
static void on_upgrade(void *arg)
{
	struct supervisor *s = arg;

	s->succession.wanted = s->handing_over = true;
	event_base_loopbreak(s->base);
}

static void reload(struct supervisor *s)
{
	service_reloading();
	cJSON_Delete(reload_run(&s->reload));
	tell_status(s);
	service_notify("READY=1");
}

static void on_signal(evutil_socket_t number, short what, void *arg)
{
	struct supervisor *s = arg;

	(void)what;
	if (number == SIGCHLD) {
		worker_reap(&s->worker);
		ike_reap(&s->ike);
		events_reap();
		tell_status(s);
	} else if (number == SIGHUP) {
		reload(s);
	} else {
		s->handing_over = number == SIGUSR2 && s->inheritance.kept;
		event_base_loopbreak(s->base);
	}
}

/* ---- start ---- */

static int start_loop(struct supervisor *s, struct fault *f)
{
	s->base = event_base_new();
	if (!s->base)
		return fault(f, ENOMEM, "event loop: %s", strerror(ENOMEM));
	s->gre = (struct bundled){.act = sync_gre, .arg = s};
	if (signals_begin(&s->signals, s->base, on_signal, s) || bundled_start(&s->gre, s->base))
		return fault(f, ENOMEM, "event loop: %s", strerror(ENOMEM));
	return 0;
}

/* The two programs, not started yet. */
static int make_children(struct supervisor *s, struct fault *f)
{
	s->worker = (struct worker){
		.base = s->base,
		.instance = s->instance.name,
		.run_dir = s->instance.run_dir,
		.bpf_dir = s->instance.bpf_dir,
		.aead_option = s->config.aead,
		.manager = s->inheritance.kept,
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
		.on_none = on_ike_none,
		.on_gre = on_gre,
		.arg = s,
	};
	if (worker_init(&s->worker) || ike_init(&s->ike))
		return fault(f, ENOMEM, "children: %s", strerror(ENOMEM));
	inherit_worker(&s->inheritance, &s->worker, &s->nics);
	service_end_fds();
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
	s->news = (struct ike_news){.ike = &s->ike, .maps = &s->maps, .base = s->base};
	s->reload = (struct reload){
		.guard = &s->guard,
		.ike = &s->ike,
		.liveness = &s->liveness,
		.config = &s->config,
		.path = s->config_path,
	};
	s->requests = (struct requests){
		.guard = &s->guard,
		.ike = &s->ike,
		.liveness = &s->liveness,
		.capture = &s->capture,
		.reload = &s->reload,
		.succession = &s->succession,
		.on_upgrade = on_upgrade,
		.arg = s,
	};
	snprintf(s->requests.begun, sizeof(s->requests.begun), "%llu", (unsigned long long)maps_now());
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
	s->events.config = &s->config;
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
	if (events_start(s->base, s->instance.name, s->config.event_script) ||
	    drop_watch_start(&s->drops, s->base, &s->nics))
		return fault(f, ENOMEM, "events: %s", strerror(ENOMEM));
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

static struct closing closing_of(struct supervisor *s)
{
	return (struct closing){
		.instance = &s->instance,
		.config = &s->config,
		.config_path = s->config_path,
		.maps = &s->maps,
		.programs = &s->programs,
		.nics = &s->nics,
		.left = &s->inheritance.nics,
	};
}

/* The gate is closed before anything else, so that whatever fails after that leaves it closed. */
static int close_gate(struct supervisor *s, struct fault *f)
{
	struct closing c = closing_of(s);
	const int lock = succession_take_lock();
	int err = config_read(&s->config, s->config_path, f);

	log_set_level(s->config.log_level);
	if (lock >= 0)
		instance_keep_lock(&s->instance, lock);
	else if (!err)
		err = instance_lock(&s->instance, f);
	if (!err)
		err = inherit_datapath(&s->inheritance, &s->instance, f);
	if (!err && s->instance.bpffs.private)
		log_warning("%s", bpffs_private_warning);
	if (!err)
		err = closing_run(&c, f);
	inherit_no_more_nics(&s->inheritance);
	s->closed = c.closed;
	return err;
}

/* Each step undoes itself on an error; stop() undoes those before. */
static int start(struct supervisor *s, struct fault *f)
{
	const struct closing c = closing_of(s);
	int err = close_gate(s, f);

	if (!err)
		err = clock_check(f);
	if (!err)
		err = keylog_files_start(&s->keylog, &s->instance, s->config.keylog, f);
	if (!err)
		err = privileges_to_end_children(f);
	if (!err)
		err = inherit_vault(&s->inheritance, &s->vault, &s->instance, &s->maps, f);
	if (err)
		return err;
	s->sas = (struct sa_database){.maps = &s->maps, .vault = &s->vault, .keylog = s->keylog.esp};
	inherit_sas(&s->inheritance, &s->sas, s->config.connection_count);
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
	gates_cover(&s->maps);
	sync_gre(s);
	gre_report(&s->maps, &s->config);
	ways_look_at_new(&s->ways, &s->config);
	if (s->config.low_latency)
		latency_start(&s->latency, s->base, &s->maps);
	events_tell(KIND_DAEMON_STARTED, NULL, NULL);
	err = pin_watch_start(&s->pins, s->base, &s->guard, f);
	return err ? err : watchdog_start(&s->watchdog, s->base, &s->ike, f);
}

/* ---- stop ---- */

static void leave_nic(struct supervisor *s, struct nic *nic)
{
	if (s->open_on_exit && !s->handing_over) {
		log_warning("%s: detached as detach-on-exit says: the gate is open", nic->config.name);
		nic_detach(&s->nics, nic);
	} else {
		log_warning("%s: what it protects stays blocked%s: 'xdp-ipsec detach %s' opens the gate",
			    nic->config.name, instance_gate_limit(&s->instance), nic->config.name);
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
		log_warning(
			"the gate is closed all the same: what policies protect stays blocked; mend what failed and "
			"run again, or open it by 'xdp-ipsec --instance %s detach all'",
			s->instance.name);
}

/* The worker goes on, for the next one; also where the manager starts it once more after a start that failed. */
static bool is_left(const struct supervisor *s, bool orderly)
{
	return s->succession.wanted || (s->inheritance.kept && (s->handing_over || !orderly));
}

static void leave_worker(struct supervisor *s, bool left)
{
	if (s->succession.wanted)
		succession_leave(&s->succession, &s->instance, &s->vault, &s->nics, &s->worker);
	else if (left && s->worker.child.again)
		worker_leave(&s->worker, left_keep, NULL);
	else if (s->worker.child.again)
		worker_fini(&s->worker);
}

/* The next one goes on with them: policies and SAs that were added by hand are in nothing else, and the backstop guards
 * interfaces that nobody has detached. A start that failed is no exit. */
static void leave_maps(struct supervisor *s, bool orderly)
{
	const struct closing c = closing_of(s);

	if (!s->handing_over)
		closing_undo_unused(&c, s->guard.opened || (s->open_on_exit && orderly));
	maps_close(&s->maps);
	programs_free(&s->programs);
}

static void stop(struct supervisor *s, bool orderly)
{
	const bool left = is_left(s, orderly);

	events_tell(KIND_DAEMON_STOPS, NULL, NULL);
	drop_watch_stop(&s->drops);
	control_server_stop(s->control);
	s->control = NULL;
	watchdog_stop(&s->watchdog);
	pin_watch_stop(&s->pins);
	liveness_stop(&s->liveness);
	events_stop();
	latency_stop(&s->latency);
	steering_stop(&s->steering);
	/* It says good-bye to its peers while there is still a way out; but not where its SAs are to go on. */
	if (s->handing_over)
		child_kill(&s->ike.child, "says no good-bye, as its SAs go on");
	ike_fini(&s->ike);
	leave_worker(s, left);
	if (s->maps.port) {
		if (!orderly)
			leave_failed(s);
		else if (!left)
			leave_nics(s);
		if (!left)
			nics_close(&s->nics);
		/* A start that failed is tried again. */
		if (s->sas.maps && !s->handing_over && (orderly || !s->inheritance.kept))
			sa_forget_all(&s->sas);
		sa_sent_free(&s->sas.sent);
		leave_maps(s, orderly);
	}
	link_watch_stop(&s->links);
	route_watch_stop(&s->routes);
	hook_watch_stop(&s->hooks);
	ways_free(&s->ways);
	datapath_events_stop(&s->events);
	signals_end(&s->signals);
	bundled_stop(&s->gre);
	if (s->base)
		event_base_free(s->base);
	vault_close(&s->vault);
	keylog_files_stop(&s->keylog, &s->instance);
	config_free(&s->config);
	if (!s->succession.wanted)
		instance_unlock(&s->instance);
}

int supervisor_run(const struct instance *in, const char *config_path, bool open_on_exit, struct fault *f)
{
	static struct supervisor s;
	int err;

	s.instance = *in;
	s.config_path = config_path;
	s.open_on_exit = open_on_exit;
	s.vault.fd = s.inheritance.orders = -1;
	s.keylog = (struct keylog_files){-1, -1};
	service_begin();
	succession_init(&s.succession);
	privileges_harden();
	/* A TAP has a descriptor for each queue. */
	privileges_raise_files();
	err = start(&s, f);
	if (!err) {
		guard_serve_all(&s.guard);
		if (!worker_is_wanted(&s.worker))
			on_worker_ready(&s);
		event_base_dispatch(s.base);
		if (s.succession.wanted)
			service_reloading();
		else
			service_notify("STOPPING=1");
	}
	stop(&s, !err);
	return s.succession.wanted ? succession_exec(&s.succession, f) : err;
}
