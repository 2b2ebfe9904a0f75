/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * 'status': the maps, read where they are pinned, and beside them what only the
 * supervisor knows. So it also tells the state of a host whose supervisor is dead.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "attach/backstop.h"
#include "attach/gates.h"
#include "commands.h"
#include "connection_view.h"
#include "control_client.h"
#include "net/netdev.h"
#include "rates.h"
#include "sa_view.h"
#include "session.h"
#include "table.h"

struct status {
	struct instance in;
	struct maps maps;
	cJSON *daemon; /* its reply, or NULL if none is running */
	uint64_t counts[REASON_COUNT];
};

/* ---- reading ---- */

/* Sums of what BPF counted on each CPU, and of what the worker counted. */
static int read_counts(struct status *s, struct fault *f)
{
	const int cpus = libbpf_num_possible_cpus();
	const uint32_t only = 0;
	struct counts *each = cpus > 0 ? calloc((size_t)cpus, sizeof(*each)) : NULL;

	if (!each)
		return fault(f, ENOMEM, "counters: %s", strerror(ENOMEM));
	if (bpf_map_lookup_elem(s->maps.stats, &only, each) < 0) {
		free(each);
		return fault(f, errno, "map stats: %s", strerror(errno));
	}
	for (enum reason reason = 0; reason < REASON_COUNT; reason++) {
		s->counts[reason] = counts_get(s->maps.worker_counts, reason);
		for (int cpu = 0; cpu < cpus; cpu++)
			s->counts[reason] += counts_get(&each[cpu], reason);
	}
	free(each);
	return 0;
}

static int ask_daemon(struct status *s, struct fault *f)
{
	int err = control_ask(&s->in, "status", NULL, -1, &s->daemon, f);

	return err == -ECONNREFUSED ? 0 : err;
}

static const char *mode_text(const struct port *p)
{
	return p->mode == PORT_NATIVE ? "native" : p->mode == PORT_GENERIC ? "generic" : "-";
}

/* Whether the entry has a NIC: one that is there, one gone for now, or one that a dead supervisor left. */
static bool port_exists(const struct port *p)
{
	return p->name[0] != '\0';
}

/* In the namespace of whoever asks, which may be another: then what its flags are is not known. */
static bool is_set_down(const struct port *p)
{
	struct netdev dev;

	return netdev_get(p->name, &dev, NULL) == 0 && dev.ifindex == (int)p->ifindex && !(dev.flags & IFF_UP);
}

static const char *port_state(const struct status *s, const struct port *p)
{
	if (!s->daemon)
		return "blocked";
	if (!p->ifindex)
		return "gone";
	return is_set_down(p) ? "down" : "up";
}

/* ---- open gates ---- */

/* The next interface after *ifindex (0: the first) whose gate 'detach' has opened. False if there is no more. */
static bool next_open(const struct status *s, uint32_t *ifindex)
{
	uint32_t key = *ifindex, *after = key ? &key : NULL;

	while (bpf_map_get_next_key(s->maps.gates, after, &key) == 0) {
		after = &key;
		if (gates_get(&s->maps, key).kind == GATE_OPEN) {
			*ifindex = key;
			return true;
		}
	}
	return false;
}

static const char *open_name(uint32_t ifindex, char name[IF_NAMESIZE])
{
	if (!if_indextoname(ifindex, name))
		snprintf(name, IF_NAMESIZE, "%u", ifindex);
	return name;
}

static cJSON *open_json(const struct status *s)
{
	cJSON *array = cJSON_CreateArray();
	char name[IF_NAMESIZE];

	for (uint32_t ifindex = 0; next_open(s, &ifindex);)
		cJSON_AddItemToArray(array, cJSON_CreateString(open_name(ifindex, name)));
	return array;
}

static void print_open(const struct status *s)
{
	char name[IF_NAMESIZE];

	for (uint32_t ifindex = 0; next_open(s, &ifindex);)
		printf("%s: GATE OPEN: detached, what policies protect goes in clear: 'xdp-ipsec attach %s' closes "
		       "it\n",
		       open_name(ifindex, name), name);
}

/* A kernel without a backstop has been told so when the daemon started: not an open gate, but less of a wall. */
static const char *backstop_text(const struct status *s)
{
	return backstop_is_up(s->in.bpf_dir) ? "up" : "MISSING: interfaces that are not attached are not guarded";
}

/* ---- JSON ---- */

static cJSON *interfaces_json(const struct status *s)
{
	cJSON *array = cJSON_CreateArray();

	for (unsigned i = 0; i < PORTS_MAX; i++) {
		const struct port *p = &s->maps.port[i];
		cJSON *json;

		if (!port_exists(p))
			continue;
		json = cJSON_CreateObject();
		cJSON_AddStringToObject(json, "name", p->name);
		cJSON_AddStringToObject(json, "state", port_state(s, p));
		cJSON_AddStringToObject(json, "mode", mode_text(p));
		cJSON_AddBoolToObject(json, "zero_copy", p->zero_copy);
		cJSON_AddNumberToObject(json, "queues", p->queues);
		cJSON_AddNumberToObject(json, "mtu", p->mtu);
		cJSON_AddNumberToObject(json, "ifindex", p->ifindex);
		cJSON_AddNumberToObject(json, "tap_ifindex", p->tap_ifindex);
		cJSON_AddItemToArray(array, json);
	}
	return array;
}

static cJSON *counts_json(const struct status *s, bool drops)
{
	cJSON *json = cJSON_CreateObject();

	for (unsigned reason = 0; reason < REASON_COUNT; reason++)
		if (reason_is_drop(reason) == drops)
			json_add_u64(json, reason_name(reason), s->counts[reason]);
	return json;
}

static cJSON *child_json(const char *third)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddNullToObject(json, "pid");
	cJSON_AddNumberToObject(json, "restarts", 0);
	cJSON_AddItemToObject(json, third, strcmp(third, "aead") ? cJSON_CreateNumber(0) : cJSON_CreateNull());
	return json;
}

static cJSON *worker_json(const struct status *s)
{
	const cJSON *worker = cJSON_GetObjectItemCaseSensitive(s->daemon, "worker");

	return worker ? cJSON_Duplicate(worker, true) : child_json("aead");
}

static cJSON *ike_json_of(const struct status *s)
{
	const cJSON *ike = cJSON_GetObjectItemCaseSensitive(s->daemon, "ike");
	const cJSON *document = cJSON_GetObjectItemCaseSensitive(s->daemon, "document");
	const cJSON *half_open = cJSON_GetObjectItemCaseSensitive(document, "half_open");
	cJSON *json = ike ? cJSON_Duplicate(ike, true) : child_json("half_open");

	if (ike)
		cJSON_AddNumberToObject(json, "half_open", half_open ? cJSON_GetNumberValue(half_open) : 0);
	return json;
}

static cJSON *keyholder_json(const struct status *s)
{
	const cJSON *keyholder = cJSON_GetObjectItemCaseSensitive(s->daemon, "key_holder");
	cJSON *json = keyholder ? cJSON_Duplicate(keyholder, true) : cJSON_CreateObject();

	if (!keyholder)
		cJSON_AddNullToObject(json, "pid");
	return json;
}

/* The daemon's word counts: this command may see it from another place. */
static bool bpffs_is_private(const struct status *s)
{
	const cJSON *private = cJSON_GetObjectItemCaseSensitive(s->daemon, "bpffs_private");

	return private ? cJSON_IsTrue(private) : s->in.bpffs.private;
}

static cJSON *bpffs_json(const struct status *s)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddStringToObject(json, "path", s->in.bpffs.shown);
	cJSON_AddBoolToObject(json, "private", bpffs_is_private(s));
	return json;
}

static void print_json(const struct status *s, bool pretty)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddStringToObject(json, "instance", s->in.name);
	cJSON_AddBoolToObject(json, "running", s->daemon != NULL);
	cJSON_AddItemToObject(json, "bpffs", bpffs_json(s));
	cJSON_AddItemToObject(json, "interfaces", interfaces_json(s));
	cJSON_AddItemToObject(json, "open_gates", open_json(s));
	cJSON_AddBoolToObject(json, "backstop", backstop_is_up(s->in.bpf_dir));
	cJSON_AddItemToObject(json, "connections", connections_json(s->daemon));
	cJSON_AddItemToObject(json, "sas", sa_view_json(&s->maps, 0));
	cJSON_AddItemToObject(json, "drops", counts_json(s, true));
	cJSON_AddItemToObject(json, "passed", counts_json(s, false));
	cJSON_AddItemToObject(json, "worker", worker_json(s));
	cJSON_AddItemToObject(json, "ike", ike_json_of(s));
	cJSON_AddItemToObject(json, "key_holder", keyholder_json(s));
	json_print(json, pretty);
	cJSON_Delete(json);
}

/* ---- text ---- */

static void print_worker(const struct status *s)
{
	const cJSON *worker = cJSON_GetObjectItemCaseSensitive(s->daemon, "worker");
	const cJSON *pid = cJSON_GetObjectItemCaseSensitive(worker, "pid");
	const char *aead = json_text(worker, "aead");

	if (!s->daemon)
		printf("instance %s: NOT RUNNING: protected traffic stays blocked%s; "
		       "start 'xdp-ipsec run', or 'detach' to open the gate\n",
		       s->in.name, instance_gate_limit(&s->in));
	else if (!cJSON_IsNumber(pid))
		printf("instance %s: running, no worker\n", s->in.name);
	else
		printf("instance %s: running, worker %d (%s), %d restarts\n", s->in.name, pid->valueint,
		       aead ? aead : "starting",
		       (int)cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(worker, "restarts")));
}

/* Nothing where there are no connections, and so no IKE. */
static void print_ike(const struct status *s)
{
	const cJSON *ike = cJSON_GetObjectItemCaseSensitive(s->daemon, "ike");
	const cJSON *keyholder = cJSON_GetObjectItemCaseSensitive(s->daemon, "key_holder");
	const cJSON *pid = cJSON_GetObjectItemCaseSensitive(ike, "pid");
	const int restarts = (int)cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(ike, "restarts"));

	if (cJSON_IsNumber(pid))
		printf("IKE %d, key holder %d, %d restarts\n", pid->valueint,
		       (int)cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(keyholder, "pid")), restarts);
	else if (ike && restarts)
		printf("IKE has ended, and its key holder with it: about to be started again, %d restarts\n", restarts);
}

static void print_interfaces(const struct status *s)
{
	struct table *t = table_new("INTERFACE|STATE|MODE|ZERO-COPY|>QUEUES|>MTU");

	for (unsigned i = 0; i < PORTS_MAX; i++) {
		const struct port *p = &s->maps.port[i];

		if (!port_exists(p))
			continue;
		table_cell(t, "%s", p->name);
		table_cell(t, "%s", port_state(s, p));
		table_cell(t, "%s", mode_text(p));
		table_cell(t, "%s", p->zero_copy ? "yes" : "no");
		table_cell(t, "%u", p->queues);
		table_cell(t, "%u", p->mtu);
	}
	table_print(t, stdout);
}

static void print_counts(const struct status *s, const char *header, bool drops)
{
	struct table *t = table_new(header);

	for (unsigned reason = 0; reason < REASON_COUNT; reason++) {
		if (reason_is_drop(reason) != drops || !s->counts[reason])
			continue;
		table_cell(t, "%llu", (unsigned long long)s->counts[reason]);
		table_cell(t, "%s", reason_name(reason));
		table_cell(t, "%s", reason_text(reason));
	}
	table_print(t, stdout);
}

static void print_rate(const char *direction, const struct rate *rate)
{
	char packets[BYTES_TEXT], bits[BYTES_TEXT];

	printf("%s %s packets/s, %sbit/s", direction, bytes_text((uint64_t)rate->packets, packets),
	       bytes_text((uint64_t)rate->bits, bits));
}

static void print_rates(const struct status *s)
{
	struct rate in, out;

	rates_measure(&s->maps, &in, &out);
	print_rate("now in", &in);
	print_rate("; out", &out);
	putchar('\n');
}

static void print_text(const struct status *s)
{
	print_worker(s);
	print_ike(s);
	if (bpffs_is_private(s))
		printf("WARNING: %s\n", bpffs_private_warning);
	printf("backstop %s\n", backstop_text(s));
	print_open(s);
	putchar('\n');
	print_interfaces(s);
	putchar('\n');
	if (connections_print(s->daemon))
		putchar('\n');
	if (sa_view_print(&s->maps) == 0)
		puts("no SAs");
	else
		print_rates(s);
	putchar('\n');
	print_counts(s, ">PASSED|REASON|MEANING", false);
	print_counts(s, ">DROPPED|REASON|MEANING", true);
}

static int exit_status(const struct status *s)
{
	uint32_t first = 0;

	if (!s->daemon)
		return EXIT_NOT_RUNNING;
	return next_open(s, &first) || connections_unwell(s->daemon) ? EXIT_NOT_WELL : EXIT_SUCCESS;
}

int status_command(const struct invocation *inv)
{
	struct status s = {.daemon = NULL};
	struct fault f;
	int code, err = session_maps(inv, &s.in, &s.maps, &f);

	if (err) {
		cli_fail(inv, f.text);
		return err == -ENOENT ? EXIT_NOT_RUNNING : EXIT_FAILURE;
	}
	err = ask_daemon(&s, &f);
	if (!err)
		err = read_counts(&s, &f);
	if (!err && inv->json)
		print_json(&s, inv->pretty);
	else if (!err)
		print_text(&s);
	code = err ? cli_fail(inv, f.text) : exit_status(&s);
	cJSON_Delete(s.daemon);
	maps_close(&s.maps);
	return code;
}
