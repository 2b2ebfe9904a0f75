/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "supervisor.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "connection_policies.h"
#include "gre.h"
#include "ike_events.h"
#include "locals.h"
#include "log.h"
#include "nic_events.h"
#include "requests.h"
#include "service.h"
#include "session.h"

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

/* Of a NIC that is new, or comes back, the worker knows nothing, and goes on meanwhile. */
static int attach_only(struct supervisor *s, const struct interface_config *config, struct fault *f)
{
	const struct nic *nic;
	int err;

	if (is_held(s, config->name))
		worker_stop(&s->worker);
	err = nic_attach(&s->nics, config, f);
	supervisor_sync_gre(s);
	nic = nics_find(&s->nics, config->name);
	if (!err)
		log_line("%s: attached (%s, %u queues, MTU %u)", config->name,
			 nic->mode == PORT_NATIVE ? "native" : "generic", s->maps.port[nic - s->nics.nic].queues,
			 nic->dev.mtu);
	return err;
}

int supervisor_attach(struct supervisor *s, const struct interface_config *config, struct fault *f)
{
	const bool held = is_held(s, config->name);
	int err = attach_only(s, config, f);

	if (!err || held)
		supervisor_run_worker(s);
	return err;
}

int supervisor_detach(struct supervisor *s, const char *name, struct fault *f)
{
	struct nic *nic = nics_find(&s->nics, name);

	if (!nic)
		return fault(f, ENOENT, "%s: not attached: 'status' shows what is", name);
	worker_stop(&s->worker);
	nic_detach(&s->nics, nic);
	supervisor_run_worker(s);
	log_line("%s: detached: the gate is open, what was protected goes in clear", name);
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

static void reload_interfaces(struct supervisor *s, const struct config *fresh)
{
	struct fault f;

	for (unsigned i = 0; i < fresh->interface_count; i++) {
		const struct interface_config *wanted = &fresh->interfaces[i];
		const struct nic *nic = nics_find(&s->nics, wanted->name);

		if (nic && interface_config_same(&nic->config, wanted))
			continue;
		if (supervisor_attach(s, wanted, &f))
			log_line("%s", f.text);
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

/* Opens the instance's maps, made by an earlier run or now. */
static int open_maps(struct supervisor *s, struct fault *f)
{
	int err = maps_open(&s->maps, s->instance.bpf_dir, f);

	if (err == -ENOENT) {
		err = programs_make_maps(s->instance.bpf_dir, f);
		if (!err)
			err = maps_open(&s->maps, s->instance.bpf_dir, f);
	}
	return err;
}

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
		.on_ready = on_worker_ready,
		.arg = s,
	};
	s->ike = (struct ike_process){
		.base = s->base,
		.instance = s->instance.name,
		.bpf_dir = s->instance.bpf_dir,
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
		.on_overrun = on_overrun,
		.arg = s,
	};
	s->monitors = (struct monitors){
		.base = s->base,
		.maps = &s->maps,
		.nics = &s->nics,
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
	return err;
}

/* A NIC attached by an earlier run that the file does not name: 'attach' did it, and its gate is closed. */
static void take_over(const char *dev, void *arg)
{
	struct supervisor *s = arg;
	struct interface_config config;
	struct fault f;
	int err;

	if (nics_find(&s->nics, dev))
		return;
	interface_config_init(&config, dev);
	err = attach_only(s, &config, &f);
	if (!err) {
		log_line("%s: not in %s, but attached by an earlier run: taken over", dev, s->config_path);
	} else if (err == -ENODEV) {
		nic_expect(&s->nics, &config);
		log_line("%s: attached by an earlier run, and gone; it is attached again when it comes back", dev);
	} else {
		log_line("%s: attached by an earlier run and cannot be taken over: %s; what it protects stays dropped",
			 dev, f.text);
	}
}

/* Undoes the NICs that were new: an error at start leaves things as they were. */
static void undo_attach(struct supervisor *s, const bool *was_there)
{
	for (unsigned i = 0; i < s->config.interface_count; i++) {
		struct nic *nic = nics_find(&s->nics, s->config.interfaces[i].name);

		if (nic && !was_there[i])
			nic_detach(&s->nics, nic);
	}
}

static bool is_pinned(const struct supervisor *s, const char *name)
{
	const struct hook_place at = {.dir = s->instance.bpf_dir, .dev = name};

	return hooks_any(&at);
}

/* What can be seen to fail is seen before anything is attached. */
static int check_configured(const struct supervisor *s, struct fault *f)
{
	int err = 0;

	for (unsigned i = 0; i < s->config.interface_count && !err; i++) {
		struct netdev dev;

		err = netdev_get(s->config.interfaces[i].name, &dev, f);
		if (!err)
			err = nic_check(&s->config.interfaces[i], &dev, f);
	}
	return err;
}

static int attach_configured(struct supervisor *s, struct fault *f)
{
	bool was_there[PORTS_MAX] = {false};
	int err = check_configured(s, f);

	for (unsigned i = 0; i < s->config.interface_count && !err; i++) {
		was_there[i] = is_pinned(s, s->config.interfaces[i].name);
		err = attach_only(s, &s->config.interfaces[i], f);
	}
	if (err)
		undo_attach(s, was_there);
	else
		hooks_for_each_device(s->instance.bpf_dir, take_over, s);
	if (!err)
		gre_report(&s->maps, &s->config);
	return err;
}

static void forget_old_sas(struct supervisor *s)
{
	const unsigned n = sa_forget_all(&s->sas);

	locals_sync(&s->maps, NULL);
	if (n)
		log_line("%u SAs of an earlier run are forgotten, for their keys are: add them again", n);
}

/* Each step undoes itself on an error; stop() undoes those before. */
static int start(struct supervisor *s, struct fault *f)
{
	int err = config_read(&s->config, s->config_path, f);

	if (!err)
		err = instance_lock(&s->instance, f);
	if (!err && s->instance.bpffs.private)
		log_line("%s", bpffs_private_warning);
	if (!err)
		err = vault_create(&s->vault, f);
	if (!err)
		err = open_maps(s, f);
	if (err)
		return err;
	s->sas = (struct sa_database){.maps = &s->maps, .vault = &s->vault};
	nics_init(&s->nics, s->instance.bpf_dir, &s->maps, &s->config);
	forget_old_sas(s);
	err = start_parts(s, f);
	/* A key or a certificate that is no good leaves all as it was: the policies of an earlier run, whose gate is
	 * closed, and what is attached. */
	if (!err)
		err = connection_policies_check(&s->maps, &s->config, f);
	if (!err)
		err = ike_run(&s->ike, &s->config, f);
	if (!err)
		err = monitors_configure(&s->monitors, &s->config, f);
	if (!err)
		err = control_server_start(&s->control, s->base, &s->instance, requests_handle, s, f);
	if (!err)
		err = connection_policies_sync(&s->maps, &s->config, f);
	if (!err)
		err = attach_configured(s, f);
	return err;
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

static void leave_nics(struct supervisor *s, bool orderly)
{
	for (unsigned i = 0; i < PORTS_MAX; i++)
		if (s->nics.nic[i].used && orderly)
			leave_nic(s, &s->nics.nic[i]);
	nics_close(&s->nics);
}

static void count_device(const char *dev, void *arg)
{
	unsigned *n = arg;

	(void)dev;
	(*n)++;
}

/* Without a NIC there is no gate, and nothing to keep. */
static void remove_unused_maps(const struct supervisor *s)
{
	unsigned n = 0;

	if (hooks_for_each_device(s->instance.bpf_dir, count_device, &n) == 0 && n == 0)
		programs_remove_maps(s->instance.bpf_dir);
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
		leave_nics(s, orderly);
		sa_forget_all(&s->sas);
		maps_close(&s->maps);
		remove_unused_maps(s);
	}
	link_monitor_stop(&s->links);
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
