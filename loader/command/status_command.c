/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * 'status': the maps, read where they are pinned, and beside them what only the
 * supervisor knows. So it also tells the state of a host whose supervisor is dead.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "attach/backstop.h"
#include "commands.h"
#include "connection_names.h"
#include "connection_text.h"
#include "connection_view.h"
#include "control_client.h"
#include "count_view.h"
#include "lane_view.h"
#include "lines.h"
#include "nic_view.h"
#include "rates.h"
#include "sa_view.h"
#include "session.h"
#include "units.h"

/* Of the JSON: another number when what is there is called otherwise, or is gone (docs/status.schema.json). */
#define STATUS_VERSION 1

struct status {
	struct instance in;
	struct maps maps;
	cJSON *daemon; /* its reply, or NULL if none is running */
	cJSON *connections;
	struct connection_names *names;
	struct counts_sum counts;
	struct rates *rates; /* NULL: not measured */
};

/* ---- reading ---- */

static int ask_daemon(struct status *s, struct fault *f)
{
	int err = control_ask(&s->in, "status", NULL, -1, &s->daemon, f);

	return err == -ECONNREFUSED ? 0 : err;
}

/* A kernel without a backstop has been told so when the daemon started: not an open gate, but less of a wall. */
static const char *backstop_text(const struct status *s)
{
	if (!backstop_is_up(s->in.bpf_dir))
		return "MISSING: interfaces that are not attached are not guarded";
	return backstop_sees_routes(s->in.bpf_dir) ? "up" : "up, but " BACKSTOP_BLIND;
}

/* ---- JSON ---- */

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
	const cJSON *worker = json_item(s->daemon, "worker");

	return worker ? cJSON_Duplicate(worker, true) : child_json("aead");
}

static cJSON *ike_json_of(const struct status *s)
{
	const cJSON *ike = json_item(s->daemon, "ike");
	const cJSON *document = json_item(s->daemon, "document");
	cJSON *json = ike ? cJSON_Duplicate(ike, true) : child_json("half_open");

	if (ike)
		cJSON_AddNumberToObject(json, "half_open", json_number(document, "half_open"));
	return json;
}

static cJSON *keyholder_json(const struct status *s)
{
	const cJSON *keyholder = json_item(s->daemon, "key_holder");
	cJSON *json = keyholder ? cJSON_Duplicate(keyholder, true) : cJSON_CreateObject();

	if (!keyholder)
		cJSON_AddNullToObject(json, "pid");
	return json;
}

/* The daemon's word counts: this command may see it from another place. */
static bool bpffs_is_private(const struct status *s)
{
	const cJSON *private = json_item(s->daemon, "bpffs_private");

	return private ? cJSON_IsTrue(private) : s->in.bpffs.private;
}

static bool keys_are_logged(const struct status *s)
{
	return cJSON_IsTrue(json_item(s->daemon, "keylog"));
}

static cJSON *bpffs_json(const struct status *s)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddStringToObject(json, "path", s->in.bpffs.shown);
	cJSON_AddBoolToObject(json, "private", bpffs_is_private(s));
	return json;
}

static cJSON *rate_json(const struct rate *rate)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddNumberToObject(json, "packets_s", rate->packets);
	cJSON_AddNumberToObject(json, "bits_s", rate->bits);
	return json;
}

static cJSON *rates_json(const struct rates *rates)
{
	cJSON *json = rates ? cJSON_CreateObject() : cJSON_CreateNull();

	if (!rates)
		return json;
	cJSON_AddItemToObject(json, "in", rate_json(&rates->in));
	cJSON_AddItemToObject(json, "out", rate_json(&rates->out));
	return json;
}

static void print_json(const struct status *s, bool pretty)
{
	cJSON *json = cJSON_CreateObject();
	char now[UNITS_TEXT];

	cJSON_AddNumberToObject(json, "version", STATUS_VERSION);
	cJSON_AddStringToObject(json, "time", timestamp_text(0, now));
	cJSON_AddStringToObject(json, "instance", s->in.name);
	cJSON_AddBoolToObject(json, "running", s->daemon != NULL);
	cJSON_AddItemToObject(json, "bpffs", bpffs_json(s));
	cJSON_AddItemToObject(json, "interfaces", nics_json(&s->maps, s->daemon));
	cJSON_AddItemToObject(json, "lanes", lanes_json(&s->maps, s->daemon));
	cJSON_AddItemToObject(json, "open_gates", open_gates_json(&s->maps));
	cJSON_AddBoolToObject(json, "backstop", backstop_is_up(s->in.bpf_dir));
	cJSON_AddItemToObject(json, "connections", cJSON_Duplicate(s->connections, true));
	cJSON_AddItemToObject(json, "stranger", stranger_json(s->daemon));
	cJSON_AddItemToObject(json, "sas", sa_view_json(&s->maps, 0, s->names, s->rates));
	cJSON_AddItemToObject(json, "rates", rates_json(s->rates));
	cJSON_AddItemToObject(json, "drops", counts_json(&s->counts, true));
	cJSON_AddItemToObject(json, "passed", counts_json(&s->counts, false));
	cJSON_AddItemToObject(json, "worker", worker_json(s));
	cJSON_AddItemToObject(json, "ike", ike_json_of(s));
	cJSON_AddItemToObject(json, "key_holder", keyholder_json(s));
	cJSON_AddBoolToObject(json, "keylog", keys_are_logged(s));
	json_print(json, pretty);
	cJSON_Delete(json);
}

/* ---- text ---- */

static const char *restarts_of(const cJSON *process, char text[UNITS_TEXT])
{
	return count_text((uint64_t)json_number(process, "restarts"), "restart", "restarts", text);
}

static void print_worker(const struct status *s)
{
	const cJSON *worker = json_item(s->daemon, "worker");
	const char *aead = json_text(worker, "aead");
	char restarts[UNITS_TEXT];

	if (!s->daemon)
		lines_text(stdout, TINT_BAD, 2,
			   "instance %s: NOT RUNNING: protected traffic stays blocked%s; start 'xdp-ipsec run', or "
			   "'detach' to "
			   "open the gate",
			   s->in.name, instance_gate_limit(&s->in));
	else if (!json_has_number(worker, "pid"))
		lines_text(stdout, TINT_BAD, 2, "instance %s: running, no worker", s->in.name);
	else
		lines_text(stdout, TINT_NONE, 2, "instance %s: running, worker %d (%s), %s", s->in.name,
			   (int)json_number(worker, "pid"), aead ? aead : "starting", restarts_of(worker, restarts));
}

/* Nothing where there are no connections, and so no IKE. */
static void print_ike(const struct status *s)
{
	const cJSON *ike = json_item(s->daemon, "ike");
	const cJSON *keyholder = json_item(s->daemon, "key_holder");
	char restarts[UNITS_TEXT];

	restarts_of(ike, restarts);
	if (json_has_number(ike, "pid"))
		lines_text(stdout, TINT_NONE, 2, "IKE %d, key holder %d, %s", (int)json_number(ike, "pid"),
			   (int)json_number(keyholder, "pid"), restarts);
	else if (ike && restarts[0] != '0')
		lines_text(stdout, TINT_BAD, 2,
			   "IKE has ended, and its key holder with it: about to be started again, %s", restarts);
}

static void print_rates(const struct status *s)
{
	char packets[2][UNITS_TEXT], bits[2][UNITS_TEXT];

	if (!s->rates)
		return;
	lines_text(stdout, TINT_NONE, 2, "now in %s, %s; out %s, %s",
		   si_text(s->rates->in.packets, "packets/s", packets[0]), si_text(s->rates->in.bits, "bit/s", bits[0]),
		   si_text(s->rates->out.packets, "packets/s", packets[1]),
		   si_text(s->rates->out.bits, "bit/s", bits[1]));
}

/* SAs of a connection are told of there. */
static void print_sas(const struct status *s)
{
	const unsigned own = sa_view_print(&s->maps, s->names, stdout);

	if (!own && !cJSON_GetArraySize(s->connections))
		puts("no SAs");
	print_rates(s);
	putchar('\n');
}

static void print_text(const struct status *s)
{
	cJSON *stranger = stranger_json(s->daemon);

	print_worker(s);
	print_ike(s);
	if (keys_are_logged(s))
		lines_text(stdout, TINT_WARN, 2,
			   "WARNING: keylog = yes: every key of IKE and ESP is written to a file");
	if (bpffs_is_private(s))
		lines_text(stdout, TINT_WARN, 2, "WARNING: %s", bpffs_private_warning);
	lines_text(stdout, TINT_NONE, 2, "backstop %s", backstop_text(s));
	open_gates_print(&s->maps);
	stranger_print(stranger, stdout);
	putchar('\n');
	nics_print(&s->maps, s->daemon);
	putchar('\n');
	if (lanes_print(&s->maps, s->daemon))
		putchar('\n');
	connections_print(s->connections, stdout);
	print_sas(s);
	counts_print(&s->counts, false, stdout);
	counts_print(&s->counts, true, stdout);
	cJSON_Delete(stranger);
}

static int exit_status(const struct status *s)
{
	if (!s->daemon)
		return EXIT_NOT_RUNNING;
	return open_gates_any(&s->maps) || connections_unwell(s->connections) ? EXIT_NOT_WELL : EXIT_SUCCESS;
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
	s.connections = connections_json(s.daemon);
	s.names = connection_names_new(s.connections);
	s.rates = word(inv, "quick") ? NULL : rates_measure(&s.maps);
	if (!err)
		err = counts_read(&s.maps, &s.counts, &f);
	if (!err && inv->json)
		print_json(&s, inv->pretty);
	else if (!err)
		print_text(&s);
	code = err ? cli_fail(inv, f.text) : exit_status(&s);
	free(s.rates);
	connection_names_free(s.names);
	cJSON_Delete(s.connections);
	cJSON_Delete(s.daemon);
	maps_close(&s.maps);
	return code;
}
