/* SPDX-License-Identifier: BSD-2-Clause */
/* 'status': one look at the host, as text or JSON, and an exit status. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "attach/backstop.h"
#include "commands.h"
#include "connection_text.h"
#include "connection_view.h"
#include "control_client.h"
#include "host_look.h"
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
	struct host_look look;
	struct rates *rates; /* NULL: not measured */
};

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
	const cJSON *worker = json_item(s->look.daemon, "worker");

	return worker ? cJSON_Duplicate(worker, true) : child_json("aead");
}

static cJSON *ike_json_of(const struct status *s)
{
	const cJSON *ike = json_item(s->look.daemon, "ike");
	const cJSON *document = json_item(s->look.daemon, "document");
	cJSON *json = ike ? cJSON_Duplicate(ike, true) : child_json("half_open");

	if (ike)
		cJSON_AddNumberToObject(json, "half_open", json_number(document, "half_open"));
	return json;
}

static cJSON *keyholder_json(const struct status *s)
{
	const cJSON *keyholder = json_item(s->look.daemon, "key_holder");
	cJSON *json = keyholder ? cJSON_Duplicate(keyholder, true) : cJSON_CreateObject();

	if (!keyholder)
		cJSON_AddNullToObject(json, "pid");
	return json;
}

static cJSON *bpffs_json(const struct status *s)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddStringToObject(json, "path", s->look.in->bpffs.shown);
	cJSON_AddBoolToObject(json, "private", host_bpffs_is_private(&s->look));
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

static cJSON *json_of(const struct status *s)
{
	cJSON *json = cJSON_CreateObject();
	char now[UNITS_TEXT];

	cJSON_AddNumberToObject(json, "version", STATUS_VERSION);
	cJSON_AddStringToObject(json, "time", timestamp_text(0, now));
	cJSON_AddStringToObject(json, "instance", s->look.in->name);
	cJSON_AddBoolToObject(json, "running", s->look.daemon != NULL);
	cJSON_AddItemToObject(json, "bpffs", bpffs_json(s));
	cJSON_AddItemToObject(json, "interfaces", nics_json(s->look.maps, s->look.daemon));
	cJSON_AddItemToObject(json, "lanes", lanes_json(s->look.maps, s->look.daemon));
	cJSON_AddItemToObject(json, "open_gates", open_gates_json(s->look.maps));
	cJSON_AddBoolToObject(json, "backstop", backstop_is_up(s->look.in->bpf_dir));
	cJSON_AddItemToObject(json, "connections", cJSON_Duplicate(s->look.connections, true));
	cJSON_AddItemToObject(json, "totals", totals_json(s->look.daemon));
	cJSON_AddItemToObject(json, "stranger", stranger_json(s->look.daemon));
	cJSON_AddNumberToObject(json, "sa_max", s->look.maps->slots);
	cJSON_AddItemToObject(json, "sas", sa_view_json(s->look.maps, 0, s->look.names, s->rates));
	cJSON_AddItemToObject(json, "rates", rates_json(s->rates));
	cJSON_AddItemToObject(json, "drops", counts_json(&s->look.counts, true));
	cJSON_AddItemToObject(json, "passed", counts_json(&s->look.counts, false));
	cJSON_AddItemToObject(json, "worker", worker_json(s));
	cJSON_AddItemToObject(json, "ike", ike_json_of(s));
	cJSON_AddItemToObject(json, "key_holder", keyholder_json(s));
	cJSON_AddBoolToObject(json, "keylog", host_keys_are_logged(&s->look));
	return json;
}

static void print_json(const struct status *s, bool pretty)
{
	cJSON *json = json_of(s);

	json_print(json, pretty);
	cJSON_Delete(json);
}

/* ---- text ---- */

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
	const unsigned own = sa_view_print_own(s->look.maps, s->look.names, stdout);

	if (!own && !cJSON_GetArraySize(s->look.connections))
		puts("no SAs");
	print_rates(s);
	putchar('\n');
}

static void print_line(void *arg, enum tint tint, const char *text)
{
	lines_text(arg, tint, 2, "%s", text);
}

static void print_text(const struct status *s)
{
	host_lines(&s->look, print_line, stdout);
	putchar('\n');
	nics_print(s->look.maps, s->look.daemon);
	putchar('\n');
	if (lanes_print(s->look.maps, s->look.daemon))
		putchar('\n');
	connections_print(s->look.connections, stdout);
	print_sas(s);
	counts_print(&s->look.counts, false, stdout);
	counts_print(&s->look.counts, true, stdout);
}

static int exit_status(const struct status *s)
{
	if (!s->look.daemon)
		return EXIT_NOT_RUNNING;
	return open_gates_any(s->look.maps) || connections_unwell(s->look.connections) ? EXIT_NOT_WELL : EXIT_SUCCESS;
}

static int ask_daemon(const struct instance *in, cJSON **daemon, struct fault *f)
{
	const int err = control_status(in, daemon, f);

	return err == -ECONNREFUSED ? 0 : err;
}

static void status_free(struct status *s)
{
	free(s->rates);
	host_look_free(&s->look);
	session_maps_close(&s->in, &s->maps);
}

/* With rates, that takes its time. 0, or -errno with nothing to free; s does not move meanwhile. */
static int status_read(const struct invocation *inv, bool rates, struct status *s, struct fault *f)
{
	cJSON *daemon = NULL;
	int err;

	*s = (struct status){.rates = NULL};
	err = session_maps(inv, &s->in, &s->maps, f);
	if (err)
		return err;
	err = ask_daemon(&s->in, &daemon, f);
	s->rates = !err && rates ? rates_measure(&s->maps) : NULL;
	if (!err)
		err = host_look_take(&s->look, &s->in, &s->maps, daemon, f);
	if (err)
		status_free(s);
	return err;
}

int status_document(const struct invocation *inv, cJSON **document, struct fault *f)
{
	struct status s;
	int err = status_read(inv, false, &s, f);

	*document = NULL;
	if (err)
		return err;
	*document = json_of(&s);
	status_free(&s);
	return 0;
}

int status_command(const struct invocation *inv)
{
	struct status s;
	struct fault f;
	int code, err = status_read(inv, !word(inv, "quick"), &s, &f);

	if (err) {
		cli_fail(inv, f.text);
		return err == -ENOENT ? EXIT_NOT_RUNNING : EXIT_FAILURE;
	}
	if (inv->json)
		print_json(&s, inv->pretty);
	else
		print_text(&s);
	code = exit_status(&s);
	status_free(&s);
	return code;
}
