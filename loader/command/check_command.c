/* SPDX-License-Identifier: BSD-2-Clause */
/* 'check': what 'run' would do, and what would keep it from working. Nothing is changed. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attach/cover.h"
#include "attach/hooks.h"
#include "attach/nics.h"
#include "attach/probe.h"
#include "attach/steering.h"
#include "check/addresses.h"
#include "check/clock.h"
#include "check/cpus.h"
#include "check/file_rights.h"
#include "check/firewall.h"
#include "check/ike_ports.h"
#include "check/report.h"
#include "check/xfrm_policies.h"
#include "commands.h"
#include "config/config_file.h"
#include "config/ike_files.h"
#include "control_client.h"
#include "daemon/connection_policies.h"
#include "daemon/ike_process.h"
#include "daemon/ways.h"
#include "lib/cpu_list.h"
#include "maps/maps.h"
#include "net/local_addrs.h"
#include "nic_view.h"
#include "policy/policy.h"
#include "session.h"
#include "table.h"

/* Of what -j prints: another number when a field is gone or means something else. */
#define CHECK_VERSION 1

struct check {
	const struct instance *instance;
	const struct config *config;
	struct report report;
	cJSON *interfaces; /* of those that can be attached */
	/* What these will take, and may besides, in bytes. */
	size_t memory, more;
	struct firewall firewall;
	/* As they are while connections are looked at, however many these are. */
	struct local_addrs here;
	struct cover cover;
	bool covers;		  /* cover could be had */
	struct ike_process judge; /* no child: nobody is there to look into files */
};

static void say(struct check *r, const char *what, enum level level, const char *text)
{
	report_say(&r->report, level, what, text, NULL);
}

static void check_kernel(struct check *r)
{
	for (const struct probe *p = probes; p->name; p++) {
		struct fault f = {""};
		const bool there = p->run(&f) == 0;

		say(r, p->name, there ? LEVEL_OK : p->required ? LEVEL_FAIL : LEVEL_WARN, f.text);
	}
}

/* What the mode would come to. */
static const char *mode_forecast(const struct interface_config *ic, const struct netdev *dev)
{
	const enum xdp_support support = probe_xdp_support(dev->ifindex);

	if (ic->mode == PORT_GENERIC)
		return "generic mode";
	if (support == XDP_SUPPORT_UNKNOWN)
		return ic->mode == PORT_NATIVE ? "native mode, if the driver has it" : "native mode, or else generic";
	if (support == XDP_SUPPORT_NONE)
		return ic->mode == PORT_NATIVE ? "native mode, which the driver does not claim to have"
					       : "generic mode";
	return support == XDP_SUPPORT_ZERO_COPY ? "native mode, zero-copy" : "native mode, copying";
}

static void check_busy_poll(struct check *r, const struct interface_config *ic, const struct netdev *dev)
{
	const enum xdp_support support = probe_xdp_support(dev->ifindex);
	const bool copies = ic->mode == PORT_GENERIC || support == XDP_SUPPORT_NONE || support == XDP_SUPPORT_NATIVE;

	if (ic->busy_poll && copies)
		say(r, ic->name, LEVEL_WARN,
		    "busy-poll = yes is for zero-copy: here packets are copied, and it halves the throughput");
}

/* Whether more than one lane can ever serve one peer. */
static void check_steering(struct check *r, const struct interface_config *ic, const struct netdev *dev)
{
	const struct steering_forecast forecast = steering_look(ic, dev);
	const uint32_t queues = nic_queues(ic, dev);
	cJSON *json = cJSON_CreateObject();
	struct fault f;

	cJSON_AddStringToObject(json, "name", ic->name);
	cJSON_AddNumberToObject(json, "queues", queues);
	cJSON_AddItemToObject(json, "steering", steering_json(forecast.steering));
	cJSON_AddBoolToObject(json, "steering_certain", !forecast.maybe);
	cJSON_AddItemToArray(r->interfaces, json);
	if (queues == 1)
		fault(&f, EINVAL, "%s", steering_text(forecast.steering));
	else
		fault(&f, EINVAL, "queues: %u; %s%s%s", queues, steering_text(forecast.steering),
		      forecast.maybe ? ", if its driver takes that; else " : "",
		      forecast.maybe ? steering_text(STEERING_ADDRESSES) : "");
	say(r, ic->name, forecast.steering == STEERING_ADDRESSES ? LEVEL_WARN : LEVEL_OK, f.text);
}

/* The longest packet that fits with ESP around it (RFC 4303): the IP header, then in ESP's header, IV, trailer and ICV
 * what makes whole words with padding. */
static unsigned inner_mtu(unsigned mtu)
{
	const unsigned ip = 20, around = 8 + 8 + 16, trailer = 2;

	return mtu < 576 ? 0 : ((mtu - ip - around) & ~3U) - trailer + ip;
}

static size_t mib(size_t bytes)
{
	return (bytes + (1 << 20) - 1) >> 20;
}

/* As many as the worker will have. */
static uint32_t lanes_of(const struct config *config)
{
	cpu_set_t cpus;
	struct fault f;

	CPU_ZERO(&cpus);
	if (config->lanes || (*config->cpus && cpu_list_parse(config->cpus, &cpus, &f)))
		return config->lanes;
	return cpu_list_count(&cpus);
}

/* What attaching it will come to, and what memory it takes. */
static void tell_interface(struct check *r, const struct interface_config *ic, const struct netdev *dev, bool again)
{
	const size_t memory = nic_packet_memory(ic, dev), long_frames = nic_host_memory(ic, dev);
	const size_t fragments = nic_fragment_memory(ic, dev, lanes_of(r->config));
	const bool up = dev->flags & IFF_UP;
	struct fault f;

	r->memory += memory;
	r->more += long_frames + fragments;
	fault(&f, EINVAL,
	      "%s %s, %u of %u queues, MTU %u: %u for a packet that is protected, %zu MiB of packet memory, and up to "
	      "%zu MiB for long frames of the host and %zu for fragments%s",
	      again ? "taken over in" : "attached in", mode_forecast(ic, dev), nic_queues(ic, dev), netdev_queues(dev),
	      dev->mtu, inner_mtu(dev->mtu), mib(memory), mib(long_frames), mib(fragments),
	      up ? "" : "; the interface is down");
	say(r, ic->name, up ? LEVEL_OK : LEVEL_WARN, f.text);
}

static void check_interface(struct check *r, const struct instance *in, const struct interface_config *ic)
{
	struct hook_place at = {.dir = in->bpf_dir, .dev = ic->name};
	struct netdev dev;
	struct fault f;
	int err = netdev_get(ic->name, &dev, &f);

	if (!err)
		err = nic_check(ic, &dev, &f);
	if (err == -ENODEV) {
		say(r, ic->name, LEVEL_WARN, "not there now: attached the moment it appears");
		return;
	}
	at.ifindex = err ? 0 : dev.ifindex;
	if (!err)
		err = hook_check_foreign(&at, &f);
	if (err) {
		say(r, ic->name, LEVEL_FAIL, f.text);
		return;
	}
	tell_interface(r, ic, &dev, hooks_any(&at));
	check_busy_poll(r, ic, &dev);
	check_steering(r, ic, &dev);
}

/* Every file it names: there, and a secret nobody else's. */
static int check_files(const struct connection_config *c, const char *path, struct fault *f)
{
	const char *secrets[] = {c->psk_file, c->key_file, c->ppk_file};
	const char *others[] = {c->cert_file, c->ca_file, c->crl_file};
	int err = 0;

	for (int i = 0; i < 3 && !err; i++) {
		const int fd = secrets[i][0] ? ike_file_open(path, c, secrets[i], f) : 0;
		char *text = NULL;

		if (fd > 0)
			close(fd);
		err = fd < 0 ? fd : others[i][0] ? ike_file_read("file", path, c, others[i], &text, f) : 0;
		free(text);
	}
	return err;
}

/* Whether the file attaches the interface, or 'attach' has. */
static bool will_be_attached(const void *arg, int ifindex)
{
	const struct check *r = arg;
	char name[IF_NAMESIZE];
	const struct hook_place at = {.dir = r->instance->bpf_dir, .dev = name, .ifindex = ifindex};

	if (!if_indextoname((unsigned)ifindex, name))
		return false;
	return config_has_interface(r->config, name) || hooks_any(&at);
}

static bool file_guards(const void *arg, int ifindex)
{
	return cover_guards(arg, ifindex);
}

/* Without a gate on its way a connection is up, and carries nothing. */
static int check_way(const struct check *r, const struct connection_config *c, struct way *out, struct fault *f)
{
	char remote[PREFIX_TEXT];
	struct way way;

	*out = (struct way){0};
	if (!r->covers)
		return 0;
	way = *out = way_of(c, file_guards, &r->cover);
	switch (way_astray(&way)) {
	case ASTRAY_NOT:
		return 0;
	case ASTRAY_ENCAPSULATED:
		return fault(f, EINVAL, "the route to %s encapsulates: what is protected is dropped there",
			     prefix_text(&c->remote, remote));
	case ASTRAY_UNGUARDED:
		break;
	}
	return fault(f, EINVAL,
		     "its packets leave by %s, which the file does not attach: add [interface %s], or change the route",
		     way.dev, way.dev);
}

/* What is in the files, and who may put something else there. False: it does not work. */
static bool check_content(struct check *r, const struct connection_config *c, const char *path)
{
	const char *files[] = {c->psk_file, c->key_file, c->ppk_file, c->cert_file, c->ca_file, c->crl_file};
	char file[PATH_MAX];
	struct fault f;
	int err = check_files(c, path, &f);

	if (!err && r->judge.child.pid)
		err = ike_judge(&r->judge, r->config, c, &f);
	if (err)
		say(r, c->name, err < 0 ? LEVEL_FAIL : LEVEL_WARN, f.text);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (!files[i][0])
			continue;
		ike_file_path(path, files[i], file, sizeof(file));
		check_file_rights(&r->report, c->name, file);
	}
	return err >= 0;
}

/* Whether its packets leave by what the file attaches, and what is in their way there. */
static bool check_path(struct check *r, const struct connection_config *c)
{
	char remote[PREFIX_TEXT];
	struct way way;
	struct fault f;

	if (check_way(r, c, &way, &f)) {
		say(r, c->name, LEVEL_FAIL, f.text);
		return false;
	}
	if (!way.ifindex) {
		fault(&f, ENETUNREACH, "there is no route to %s now", prefix_text(&c->remote, remote));
		report_say(&r->report, LEVEL_WARN, c->name, f.text, "'ip route get' tells which the kernel takes");
		return true;
	}
	check_reverse_path(&r->report, c, way.dev);
	firewall_check(&r->firewall, &r->report, c, way.dev);
	return true;
}

static void check_connection(struct check *r, const struct connection_config *c, const char *path)
{
	static const char *const starts[] = {"on the first packet", "at once", "by the peer"};
	char local[ADDR_TEXT], remote[PREFIX_TEXT];
	const enum locality where = local_addrs_find(&r->here, c->local);
	struct fault f;

	if (!check_content(r, c, path))
		return;
	addr_text(c->local, local);
	if (where == ADDR_LOCAL_LOOPBACK) {
		fault(&f, EINVAL, "local = %s is a loopback interface's address: there is no wire to protect", local);
		say(r, c->name, LEVEL_FAIL, f.text);
		return;
	}
	if (!check_remote(&r->report, c) || !check_path(r, c))
		return;
	fault(&f, EINVAL, "%s with %s by %s, opened %s%s", local, prefix_text(&c->remote, remote),
	      c->cert ? "certificate" : "PSK", starts[c->start],
	      where == ADDR_LOCAL ? "" : "; the local address is not on this host now");
	say(r, c->name, where == ADDR_LOCAL ? LEVEL_OK : LEVEL_WARN, f.text);
}

static void check_policy(struct check *r, const struct policy_config *p)
{
	const struct spd_rule *rule = &p->policy.rule;
	const struct selector sel = selector_of_rule(rule);
	char dst[PREFIX_TEXT], text[SELECTOR_TEXT];
	struct fault f;

	fault(&f, EINVAL, "%s, dst %s: %s", policy_action_name(rule->action), prefix_text(&p->policy.remote, dst),
	      selector_text(&sel, text));
	say(r, p->name, LEVEL_OK, f.text);
	check_source(&r->report, p);
}

static void check_policies_together(struct check *r, const struct config *config)
{
	struct fault f;

	if (connection_policies_check(NULL, config, &f))
		say(r, "policies", LEVEL_FAIL, f.text);
}

/* The process that would use the files says what is in them. It gives up root's rights, so it must have them. */
static void start_judge(struct check *r, const struct instance *in, const char *path)
{
	struct fault f;

	r->judge.instance = in->name;
	r->judge.config_path = path;
	if (geteuid())
		say(r, "IKE", LEVEL_WARN, "what is in the files of the connections is not looked at: run as root");
	else if (ike_judge_start(&r->judge, &f))
		say(r, "IKE", LEVEL_FAIL, f.text);
}

static void check_connections(struct check *r, const char *path)
{
	const struct config *config = r->config;

	if (!config->connection_count)
		return;
	/* Its ports are taken by itself. */
	if (!instance_running(r->instance))
		check_ike_ports(&r->report);
	check_ike_daemons(&r->report);
	check_xfrm_policies(&r->report, config);
	firewall_open(&r->firewall, &r->report, config->mark);
	local_addrs_read(&r->here);
	r->covers = cover_find(&r->cover, will_be_attached, r) == 0;
	start_judge(r, r->instance, path);
	for (unsigned i = 0; i < config->connection_count; i++)
		check_connection(r, &config->connections[i], path);
	if (r->judge.child.pid)
		ike_judge_end(&r->judge);
	if (r->covers)
		cover_free(&r->cover);
	local_addrs_free(&r->here);
	firewall_free(&r->firewall);
}

static void check_bpffs(struct check *r, const struct instance *in)
{
	say(r, "BPF file system", in->bpffs.private ? LEVEL_WARN : LEVEL_OK,
	    in->bpffs.private ? bpffs_private_warning : in->bpffs.shown);
}

static void check_instance(struct check *r, const struct instance *in)
{
	struct fault f;

	if (control_ask(in, "status", NULL, -1, NULL, &f) == 0)
		say(r, in->name, LEVEL_WARN, "a daemon is running for this instance: a second 'run' is refused");
}

static enum tint tint_of(const char *level)
{
	if (strcmp(level, "ok") == 0)
		return TINT_GOOD;
	return strcmp(level, "warn") == 0 ? TINT_WARN : TINT_BAD;
}

static void print_table(const struct report *report)
{
	struct table *table = table_new("CHECK|RESULT|~DETAIL");
	const cJSON *row;

	cJSON_ArrayForEach(row, report->checks) {
		const char *level = json_text(row, "level"), *remedy = json_text(row, "remedy");

		table_cell(table, "%s", json_text(row, "what"));
		table_cell(table, "%s", strcmp(level, level_name(LEVEL_FAIL)) == 0 ? "FAIL" : level);
		table_tint(table, tint_of(level));
		table_cell(table, "%s%s%s", json_text(row, "text"), remedy ? ": " : "", remedy ? remedy : "");
	}
	table_print(table, stdout);
}

static void print_json(const struct check *r, bool pretty)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddNumberToObject(json, "version", CHECK_VERSION);
	cJSON_AddBoolToObject(json, "works", r->report.failures == 0);
	cJSON_AddItemReferenceToObject(json, "checks", r->report.checks);
	cJSON_AddItemReferenceToObject(json, "interfaces", r->interfaces);
	json_print(json, pretty);
	cJSON_Delete(json);
}

static void print(const struct check *r, const struct invocation *inv)
{
	if (inv->json)
		print_json(r, inv->pretty);
	else
		print_table(&r->report);
	fflush(stdout);
}

static bool has_certificates(const struct config *config)
{
	for (unsigned i = 0; i < config->connection_count; i++)
		if (config->connections[i].cert)
			return true;
	return false;
}

/* All of it from the start on: an SA that is due must not find that there is no memory. */
static void check_memory(struct check *r, const struct config *config)
{
	struct fault f;

	if (config->sa_max <= SLOTS_DEFAULT)
		return;
	fault(&f, EINVAL, "%u MB of the kernel's memory for maps with room for %u SAs",
	      (unsigned)(maps_memory(config->sa_max) / 1000000), config->sa_max);
	say(r, "sa-max", LEVEL_OK, f.text);
}

static void check_interfaces(struct check *r, const struct instance *in, const struct config *config)
{
	struct fault f;

	for (unsigned i = 0; i < config->interface_count; i++)
		check_interface(r, in, &config->interfaces[i]);
	if (config->interface_count == 0)
		say(r, "interfaces", LEVEL_WARN, "none in the file: nothing is attached until 'xdp-ipsec attach'");
	if (cJSON_GetArraySize(r->interfaces) < 2)
		return;
	fault(&f, EINVAL, "together %zu MiB of packet memory, and up to %zu MiB besides", mib(r->memory), mib(r->more));
	say(r, "interfaces", LEVEL_OK, f.text);
}

static void check_all(struct check *r, const struct instance *in, const struct config *config, const char *path)
{
	check_bpffs(r, in);
	check_kernel(r);
	check_clock(&r->report, has_certificates(config));
	check_instance(r, in);
	check_file_rights(&r->report, "configuration", path);
	check_cpus(&r->report, config->cpus);
	check_memory(r, config);
	check_interfaces(r, in, config);
	check_connections(r, path);
	for (unsigned i = 0; i < config->policy_count; i++)
		check_policy(r, &config->policies[i]);
	check_policies_together(r, config);
}

/* What fails is told once, where it stands; here is only which. */
static int sum_up(const struct report *report, struct fault *f)
{
	const char *level, *before = "", *what;
	char names[256] = "";
	const cJSON *row;

	cJSON_ArrayForEach(row, report->checks) {
		level = json_text(row, "level");
		what = json_text(row, "what");
		if (strcmp(level, level_name(LEVEL_FAIL)) != 0 || strcmp(what, before) == 0)
			continue;
		snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s", names[0] ? ", " : "", what);
		before = what;
	}
	if (!report->failures)
		return 0;
	return fault(f, EINVAL, "%u of %d checks failed, as shown: %s", report->failures,
		     cJSON_GetArraySize(report->checks), names);
}

static int check_and_print(const struct invocation *inv, const struct instance *in, const struct config *config,
			   const char *path, struct fault *f)
{
	struct check r = {
		.instance = in,
		.config = config,
		.report = {.checks = cJSON_CreateArray()},
		.interfaces = cJSON_CreateArray(),
	};
	int err;

	check_all(&r, in, config, path);
	print(&r, inv);
	err = sum_up(&r.report, f);
	report_free(&r.report);
	cJSON_Delete(r.interfaces);
	return err;
}

int check_command(const struct invocation *inv)
{
	const char *path = word(inv, "-c") ? word(inv, "-c") : CONFIG_DEFAULT_PATH;
	struct config config = {.connections = NULL};
	struct instance in;
	struct fault f;
	int err = session_instance(inv, &in, &f);

	if (!err)
		err = config_read(&config, path, &f);
	if (!err)
		err = check_and_print(inv, &in, &config, path, &f);
	config_free(&config);
	return err ? cli_fail(inv, f.text) : EXIT_SUCCESS;
}
