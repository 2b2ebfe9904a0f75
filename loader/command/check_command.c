/* SPDX-License-Identifier: BSD-2-Clause */
/* 'check': what 'run' would do, and what would keep it from working. Nothing is changed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attach/cover.h"
#include "attach/hooks.h"
#include "attach/nics.h"
#include "attach/probe.h"
#include "attach/steering.h"
#include "commands.h"
#include "config/config_file.h"
#include "config/ike_files.h"
#include "control_client.h"
#include "daemon/connection_policies.h"
#include "daemon/ike_process.h"
#include "daemon/ways.h"
#include "net/local_addr.h"
#include "nic_view.h"
#include "policy/policy.h"
#include "session.h"
#include "table.h"

struct report {
	const struct instance *instance;
	const struct config *config;
	cJSON *rows;	      /* of what was said: check, result, detail */
	cJSON *interfaces;    /* of those that can be attached */
	struct fault problem; /* the first that keeps it from working */
	bool works;
	struct ike_process judge; /* no child: nobody is there to look into files */
};

enum result { OK, NOTE, FAIL };

static void say(struct report *r, const char *what, enum result result, const char *detail)
{
	static const char *const words[] = {[OK] = "ok", [NOTE] = "note", [FAIL] = "FAIL"};

	cJSON *row = cJSON_CreateObject();

	cJSON_AddStringToObject(row, "check", what);
	cJSON_AddStringToObject(row, "result", words[result]);
	cJSON_AddStringToObject(row, "detail", detail);
	cJSON_AddItemToArray(r->rows, row);
	if (result != FAIL || !r->works)
		return;
	r->works = false;
	/* An interface's line begins with its name already. */
	if (strncmp(detail, what, strlen(what)) == 0)
		fault(&r->problem, EINVAL, "%s", detail);
	else
		fault(&r->problem, EINVAL, "%s: %s", what, detail);
}

static void check_kernel(struct report *r)
{
	for (const struct probe *p = probes; p->name; p++) {
		struct fault f = {""};
		const bool there = p->run(&f) == 0;

		say(r, p->name, there ? OK : p->required ? FAIL : NOTE, f.text);
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

static void check_busy_poll(struct report *r, const struct interface_config *ic, const struct netdev *dev)
{
	const enum xdp_support support = probe_xdp_support(dev->ifindex);
	const bool copies = ic->mode == PORT_GENERIC || support == XDP_SUPPORT_NONE || support == XDP_SUPPORT_NATIVE;

	if (ic->busy_poll && copies)
		say(r, ic->name, NOTE,
		    "busy-poll = yes is for zero-copy: here packets are copied, and it halves the throughput");
}

/* Whether more than one lane can ever serve one peer. */
static void check_steering(struct report *r, const struct interface_config *ic, const struct netdev *dev)
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
	say(r, ic->name, forecast.steering == STEERING_ADDRESSES ? NOTE : OK, f.text);
}

static void check_interface(struct report *r, const struct instance *in, const struct interface_config *ic)
{
	struct hook_place at = {.dir = in->bpf_dir, .dev = ic->name};
	struct netdev dev;
	struct fault f;
	int err = netdev_get(ic->name, &dev, &f);

	if (!err)
		err = nic_check(ic, &dev, &f);
	if (err == -ENODEV) {
		say(r, ic->name, NOTE, "not there now: attached the moment it appears");
		return;
	}
	at.ifindex = err ? 0 : dev.ifindex;
	if (!err)
		err = hook_check_foreign(&at, &f);
	if (err) {
		say(r, ic->name, FAIL, f.text);
		return;
	}
	fault(&f, EINVAL, "%s %s, %u of %u queues, MTU %u, %zu MiB of packet memory%s",
	      hooks_any(&at) ? "taken over in" : "attached in", mode_forecast(ic, &dev), nic_queues(ic, &dev),
	      netdev_queues(&dev), dev.mtu, nic_packet_memory(ic, &dev) >> 20,
	      dev.flags & IFF_UP ? "" : "; the interface is down");
	say(r, ic->name, dev.flags & IFF_UP ? OK : NOTE, f.text);
	check_busy_poll(r, ic, &dev);
	check_steering(r, ic, &dev);
}

/* Every file it names: there, and a secret nobody else's. */
static int check_files(const struct connection_config *c, const char *path, struct fault *f)
{
	const char *secrets[] = {c->psk_file, c->key_file, c->ppk_file};
	const char *others[] = {c->cert_file, c->ca_file, c->crl_file};
	cJSON *json = cJSON_CreateObject();
	int err = 0;

	for (int i = 0; i < 3 && !err; i++) {
		const int fd = secrets[i][0] ? ike_file_open(path, c, secrets[i], f) : 0;

		if (fd > 0)
			close(fd);
		err = fd < 0 ? fd : ike_file_add(json, "file", path, c, others[i], f);
	}
	cJSON_Delete(json);
	return err;
}

/* Whether the file attaches the interface, or 'attach' has. */
static bool will_be_attached(const void *arg, int ifindex)
{
	const struct report *r = arg;
	char name[IF_NAMESIZE];
	const struct hook_place at = {.dir = r->instance->bpf_dir, .dev = name, .ifindex = ifindex};

	if (!if_indextoname((unsigned)ifindex, name))
		return false;
	for (unsigned i = 0; i < r->config->interface_count; i++)
		if (strcmp(r->config->interfaces[i].name, name) == 0)
			return true;
	return hooks_any(&at);
}

static bool file_guards(const void *arg, int ifindex)
{
	return cover_guards(arg, ifindex);
}

/* Without a gate on its way a connection is up, and carries nothing. */
static int check_way(const struct report *r, const struct connection_config *c, struct fault *f)
{
	char remote[PREFIX_TEXT];
	struct cover cover;
	struct way way;

	if (cover_find(&cover, will_be_attached, r))
		return 0;
	way = way_of(c, file_guards, &cover);
	cover_free(&cover);
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

static void check_connection(struct report *r, const struct config *config, const struct connection_config *c,
			     const char *path)
{
	static const char *const starts[] = {"on the first packet", "at once", "by the peer"};
	char local[ADDR_TEXT], remote[PREFIX_TEXT];
	enum locality where;
	struct fault f;
	int err = check_files(c, path, &f);

	if (!err && r->judge.child.pid)
		err = ike_judge(&r->judge, config, c, &f);
	if (err)
		say(r, c->name, err < 0 ? FAIL : NOTE, f.text);
	if (err < 0)
		return;
	addr_text(c->local, local);
	prefix_text(&c->remote, remote);
	if (local_addr_find(c->local, &where) == 0 && where == ADDR_LOCAL_LOOPBACK) {
		fault(&f, EINVAL, "local = %s is a loopback interface's address: there is no wire to protect", local);
		say(r, c->name, FAIL, f.text);
		return;
	}
	if (check_way(r, c, &f)) {
		say(r, c->name, FAIL, f.text);
		return;
	}
	fault(&f, EINVAL, "%s with %s by %s, opened %s%s", local, remote, c->cert ? "certificate" : "PSK",
	      starts[c->start], where == ADDR_LOCAL ? "" : "; the local address is not on this host now");
	say(r, c->name, where == ADDR_LOCAL ? OK : NOTE, f.text);
}

static void check_policy(struct report *r, const struct policy_config *p)
{
	const struct spd_rule *rule = &p->policy.rule;
	const struct selector sel = selector_of_rule(rule);
	char dst[PREFIX_TEXT], text[SELECTOR_TEXT];
	struct fault f;

	fault(&f, EINVAL, "%s, dst %s: %s", policy_action_name(rule->action), prefix_text(&p->policy.remote, dst),
	      selector_text(&sel, text));
	say(r, p->name, OK, f.text);
}

static void check_policies_together(struct report *r, const struct config *config)
{
	struct fault f;

	if (connection_policies_check(NULL, config, &f))
		say(r, "policies", FAIL, f.text);
}

/* The process that would use the files says what is in them. It gives up root's rights, so it must have them. */
static void start_judge(struct report *r, const struct instance *in, const char *path)
{
	struct fault f;

	r->judge.instance = in->name;
	r->judge.config_path = path;
	if (geteuid())
		say(r, "IKE", NOTE, "what is in the files of the connections is not looked at: run as root");
	else if (ike_judge_start(&r->judge, &f))
		say(r, "IKE", FAIL, f.text);
}

static void check_connections(struct report *r, const struct instance *in, const struct config *config,
			      const char *path)
{
	if (config->connection_count)
		start_judge(r, in, path);
	for (unsigned i = 0; i < config->connection_count; i++)
		check_connection(r, config, &config->connections[i], path);
	if (r->judge.child.pid)
		ike_judge_end(&r->judge);
}

static void check_bpffs(struct report *r, const struct instance *in)
{
	say(r, "BPF file system", in->bpffs.private ? NOTE : OK,
	    in->bpffs.private ? bpffs_private_warning : in->bpffs.shown);
}

static void check_instance(struct report *r, const struct instance *in)
{
	struct fault f;

	if (control_ask(in, "status", NULL, -1, NULL, &f) == 0)
		say(r, in->name, NOTE, "a daemon is running for this instance: a second 'run' is refused");
}

static void print_table(const struct report *r)
{
	struct table *table = table_new("CHECK|RESULT|~DETAIL");
	const cJSON *row;

	cJSON_ArrayForEach(row, r->rows) {
		table_cell(table, "%s", json_text(row, "check"));
		table_cell(table, "%s", json_text(row, "result"));
		table_cell(table, "%s", json_text(row, "detail"));
	}
	table_print(table, stdout);
}

static void print_json(const struct report *r, bool pretty)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddBoolToObject(json, "works", r->works);
	cJSON_AddItemReferenceToObject(json, "checks", r->rows);
	cJSON_AddItemReferenceToObject(json, "interfaces", r->interfaces);
	json_print(json, pretty);
	cJSON_Delete(json);
}

static void print(const struct report *r, const struct invocation *inv)
{
	if (inv->json)
		print_json(r, inv->pretty);
	else
		print_table(r);
	fflush(stdout);
}

static void check_all(struct report *r, const struct instance *in, const struct config *config, const char *path)
{
	check_bpffs(r, in);
	check_kernel(r);
	check_instance(r, in);
	for (unsigned i = 0; i < config->interface_count; i++)
		check_interface(r, in, &config->interfaces[i]);
	if (config->interface_count == 0)
		say(r, "interfaces", NOTE, "none in the file: nothing is attached until 'xdp-ipsec attach'");
	check_connections(r, in, config, path);
	for (unsigned i = 0; i < config->policy_count; i++)
		check_policy(r, &config->policies[i]);
	check_policies_together(r, config);
}

static int check_and_print(const struct invocation *inv, const struct instance *in, const struct config *config,
			   const char *path, struct fault *f)
{
	struct report r = {
		.instance = in,
		.config = config,
		.rows = cJSON_CreateArray(),
		.interfaces = cJSON_CreateArray(),
		.works = true,
	};

	check_all(&r, in, config, path);
	print(&r, inv);
	cJSON_Delete(r.rows);
	cJSON_Delete(r.interfaces);
	*f = r.problem;
	return r.works ? 0 : -EINVAL;
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
