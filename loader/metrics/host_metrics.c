/* SPDX-License-Identifier: BSD-2-Clause */
#include "host_metrics.h"

#include <string.h>

/* ---- processes ---- */

static void add_process(struct exposition *e, const cJSON *process, const struct family *up,
			const struct family *restarts)
{
	exposition_family(e, up);
	exposition_add(e, NULL, json_has_number(process, "pid"));
	if (!restarts)
		return;
	exposition_family(e, restarts);
	exposition_add_json(e, NULL, json_item(process, "restarts"));
}

static void processes(struct exposition *e, const cJSON *status)
{
	static const struct family
		worker_up = {"worker_up", METRIC_GAUGE, "Whether there is a worker."},
		worker_restarts = {"worker_restarts_total", METRIC_COUNTER,
				   "How often the worker has died and was started again."},
		ike_up = {"ike_up", METRIC_GAUGE, "Whether IKE runs; not there without connections."},
		ike_restarts = {"ike_restarts_total", METRIC_COUNTER,
				"How often IKE, or its key holder, has died and both were started again."},
		holder_up = {"key_holder_up", METRIC_GAUGE,
			     "Whether the key holder runs; not there without connections."},
		half_open = {"ike_half_open_sas", METRIC_GAUGE,
			     "IKE SAs that a peer has begun, and has not proven itself on yet."};
	const cJSON *ike = json_item(status, "ike");

	add_process(e, json_item(status, "worker"), &worker_up, &worker_restarts);
	if (!cJSON_GetArraySize(json_item(status, "connections")))
		return;
	add_process(e, ike, &ike_up, &ike_restarts);
	add_process(e, json_item(status, "key_holder"), &holder_up, NULL);
	exposition_family(e, &half_open);
	exposition_add_json(e, NULL, json_item(ike, "half_open"));
}

static void facts(struct exposition *e, const cJSON *status)
{
	static const struct family worker = {"worker_info", METRIC_GAUGE,
					     "Always 1, of the library that seals and opens."},
				   keylog = {"keylog_enabled", METRIC_GAUGE,
					     "Whether the keys of IKE and ESP are written to a file."},
				   private = {"bpffs_private", METRIC_GAUGE,
					      "Whether the gate opens when the daemon's mount namespace ends."};
	static const struct family sa_max = {"max_sas", METRIC_GAUGE, "How many SAs there may be."};
	const char *aead = json_text(json_item(status, "worker"), "aead");

	exposition_family(e, &worker);
	if (aead)
		exposition_add(e, LABELS("aead", aead), 1);
	exposition_family(e, &sa_max);
	exposition_add_json(e, NULL, json_item(status, "sa_max"));
	exposition_family(e, &keylog);
	exposition_add_json(e, NULL, json_item(status, "keylog"));
	exposition_family(e, &private);
	exposition_add_json(e, NULL, json_item(json_item(status, "bpffs"), "private"));
}

/* ---- interfaces ---- */

static const struct {
	struct family family;
	const char *name;
} of_interface[] = {
	{{"interface_zero_copy", METRIC_GAUGE, "Whether AF_XDP copies no packet."}, "zero_copy"},
	{{"interface_busy_poll", METRIC_GAUGE, "Whether the worker has the driver poll."}, "busy_poll"},
	{{"interface_queues", METRIC_GAUGE, "How many of its queues are served."}, "queues"},
	{{"interface_mtu_bytes", METRIC_GAUGE, "Its MTU."}, "mtu"},
};

static void interfaces(struct exposition *e, const cJSON *list)
{
	static const struct family info = {"interface_info", METRIC_GAUGE,
					   "Always 1, of how an interface is attached."},
				   up = {"interface_up", METRIC_GAUGE, "Whether it is there, up and served."};
	const cJSON *nic;

	exposition_family(e, &info);
	cJSON_ArrayForEach(nic, list)
		exposition_add(e,
			       LABELS("interface", json_text(nic, "name"), "mode", json_text(nic, "mode"), "steering",
				      json_text(nic, "steering")),
			       1);
	exposition_family(e, &up);
	cJSON_ArrayForEach(nic, list) {
		const char *state = json_text(nic, "state");

		exposition_add(e, LABELS("interface", json_text(nic, "name")), state && strcmp(state, "up") == 0);
	}
	for (size_t i = 0; i < sizeof(of_interface) / sizeof(of_interface[0]); i++) {
		exposition_family(e, &of_interface[i].family);
		cJSON_ArrayForEach(nic, list)
			exposition_add_json(e, LABELS("interface", json_text(nic, "name")),
					    json_item(nic, of_interface[i].name));
	}
}

static bool has_text(const cJSON *list, const char *text)
{
	const cJSON *each;

	cJSON_ArrayForEach(each, list)
		if (cJSON_IsString(each) && text && strcmp(each->valuestring, text) == 0)
			return true;
	return false;
}

/* What is attached is closed, unless it is told to be open. */
static void gates(struct exposition *e, const cJSON *status)
{
	static const struct family closed = {"gate_closed", METRIC_GAUGE,
					     "Whether what policies protect is kept from going in clear by it."},
				   backstop = {"backstop_up", METRIC_GAUGE,
					       "Whether the second wall, in netfilter, is up."};
	const cJSON *open = json_item(status, "open_gates"), *each;

	exposition_family(e, &closed);
	cJSON_ArrayForEach(each, open)
		exposition_add(e, LABELS("interface", cJSON_GetStringValue(each)), 0);
	cJSON_ArrayForEach(each, json_item(status, "interfaces"))
		if (!has_text(open, json_text(each, "name")))
			exposition_add(e, LABELS("interface", json_text(each, "name")), 1);
	exposition_family(e, &backstop);
	exposition_add_json(e, NULL, json_item(status, "backstop"));
}

/* ---- packets ---- */

static void counts(struct exposition *e, const cJSON *by_reason)
{
	const cJSON *each;

	cJSON_ArrayForEach(each, by_reason)
		exposition_add_json(e, LABELS("reason", each->string), each);
}

static void packets(struct exposition *e, const cJSON *status)
{
	static const struct family drops = {"drops_total", METRIC_COUNTER, "Packets that were dropped, by reason."},
				   passed = {"passed_total", METRIC_COUNTER,
					     "Packets that were counted and not dropped, by reason."};

	exposition_family(e, &drops);
	counts(e, json_item(status, "drops"));
	exposition_family(e, &passed);
	counts(e, json_item(status, "passed"));
}

static void lanes(struct exposition *e, const cJSON *list)
{
	static const struct {
		struct family family;
		const char *name;
	} moved[] = {
		{{"lane_opened_packets_total", METRIC_COUNTER, "Packets that a thread of the worker has opened."},
		 "opened"},
		{{"lane_sealed_packets_total", METRIC_COUNTER, "Packets that a thread of the worker has sealed."},
		 "sealed"},
	};
	char number[16];
	const cJSON *lane;

	for (size_t i = 0; i < sizeof(moved) / sizeof(moved[0]); i++) {
		exposition_family(e, &moved[i].family);
		cJSON_ArrayForEach(lane, list) {
			snprintf(number, sizeof(number), "%.0f", json_number(lane, "lane"));
			exposition_add_json(e, LABELS("lane", number), json_item(lane, moved[i].name));
		}
	}
}

void host_metrics(struct exposition *e, const cJSON *status)
{
	processes(e, status);
	facts(e, status);
	interfaces(e, json_item(status, "interfaces"));
	gates(e, status);
	packets(e, status);
	lanes(e, json_item(status, "lanes"));
}
