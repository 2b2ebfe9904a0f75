/* SPDX-License-Identifier: BSD-2-Clause */
#include "connection_view.h"

#include <string.h>

#include "table.h"

static const cJSON *list_of(const cJSON *status)
{
	const cJSON *document = cJSON_GetObjectItemCaseSensitive(status, "document");

	return cJSON_GetObjectItemCaseSensitive(document, "connections");
}

/* What IKE holds for up, the monitor may know to be down. */
static void add_monitor(cJSON *connection, const cJSON *monitor)
{
	const char *state = json_text(connection, "state"), *seen = json_text(monitor, "state");

	if (state && seen && strcmp(state, "up") == 0 && strcmp(seen, "down") == 0)
		cJSON_ReplaceItemInObjectCaseSensitive(connection, "state", cJSON_CreateString(seen));
	cJSON_AddItemToObject(connection, "monitor", cJSON_Duplicate(monitor, true));
}

/* What IKE holds for up carries nothing: its packets are dropped, or in clear. */
static void add_astray(cJSON *connection, const cJSON *way)
{
	const char *dev = json_text(way, "dev");
	char note[100];

	if (!dev)
		return;
	if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(way, "encapsulates")))
		snprintf(note, sizeof(note),
			 "ASTRAY: the route to its peer encapsulates: what is protected is dropped");
	else
		snprintf(note, sizeof(note), "ASTRAY: its packets leave by %s, which is not attached", dev);
	cJSON_AddStringToObject(connection, "astray", dev);
	cJSON_DeleteItemFromObjectCaseSensitive(connection, "note");
	cJSON_AddStringToObject(connection, "note", note);
}

cJSON *connections_json(const cJSON *status)
{
	const cJSON *monitors = cJSON_GetObjectItemCaseSensitive(status, "monitors"), *list = list_of(status);
	const cJSON *astray = cJSON_GetObjectItemCaseSensitive(status, "astray");
	cJSON *own = list ? cJSON_Duplicate(list, true) : cJSON_CreateArray(), *c;

	cJSON_ArrayForEach(c, own) {
		const char *name = json_text(c, "name");
		const cJSON *monitor = name ? cJSON_GetObjectItemCaseSensitive(monitors, name) : NULL;

		if (monitor)
			add_monitor(c, monitor);
		if (name)
			add_astray(c, cJSON_GetObjectItemCaseSensitive(astray, name));
	}
	return own;
}

static const char *text_of(const cJSON *o, const char *name)
{
	const char *text = json_text(o, name);

	return text ? text : "-";
}

static double number_of(const cJSON *o, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(o, name);

	return cJSON_IsNumber(item) ? item->valuedouble : 0;
}

static void add_child(struct table *t, const cJSON *c)
{
	table_cell(t, "%s", text_of(c, "selector"));
	table_cell(t, "0x%08x", (unsigned)number_of(c, "spi_in"));
	table_cell(t, "0x%08x", (unsigned)number_of(c, "spi_out"));
	table_cell(t, "%.0f", number_of(c, "packets_in"));
	table_cell(t, "%.0f", number_of(c, "packets_out"));
	table_cell(t, "%.0fs", number_of(c, "rekey_in_s"));
}

static void add_connection(struct table *t, const cJSON *c)
{
	const cJSON *children = cJSON_GetObjectItemCaseSensitive(c, "children"), *child;
	const int count = cJSON_GetArraySize(children);

	for (int i = 0; i < (count ? count : 1); i++) {
		child = cJSON_GetArrayItem(children, i);
		table_cell(t, "%s", text_of(c, "name"));
		table_cell(t, "%s", text_of(c, "local"));
		table_cell(t, "%s", json_text(c, "peer") ? json_text(c, "peer") : text_of(c, "remote"));
		table_cell(t, "%s", json_text(c, "astray") ? "ASTRAY" : text_of(c, "state"));
		table_cell(t, "%d", cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(c, "ike")));
		if (child)
			add_child(t, child);
		for (int n = 0; !child && n < 6; n++)
			table_cell(t, "-");
	}
}

static void add_rtt(struct table *t, const cJSON *rtt, const char *which)
{
	if (cJSON_IsNumber(cJSON_GetObjectItemCaseSensitive(rtt, which)))
		table_cell(t, "%.3f ms", number_of(rtt, which) / 1000);
	else
		table_cell(t, "-");
}

static void print_monitors(const cJSON *list)
{
	struct table *t = table_new("MONITOR|STATE|>SENT|>ANSWERED|>LOST|>ROUND TRIP|>AVERAGE");
	const cJSON *c;

	cJSON_ArrayForEach(c, list) {
		const cJSON *m = cJSON_GetObjectItemCaseSensitive(c, "monitor");
		const cJSON *rtt = cJSON_GetObjectItemCaseSensitive(m, "rtt_us");

		if (!m)
			continue;
		table_cell(t, "%s", text_of(c, "name"));
		table_cell(t, "%s", text_of(m, "state"));
		table_cell(t, "%.0f", number_of(m, "sent"));
		table_cell(t, "%.0f", number_of(m, "received"));
		table_cell(t, "%.0f", number_of(m, "lost"));
		add_rtt(t, rtt, "last");
		add_rtt(t, rtt, "avg");
	}
	table_print(t, stdout);
}

static void print_notes(const cJSON *list)
{
	const cJSON *c;

	cJSON_ArrayForEach(c, list)
		if (json_text(c, "note"))
			printf("%s: %s\n", text_of(c, "name"), json_text(c, "note"));
}

bool connections_unwell(const cJSON *status)
{
	cJSON *list = connections_json(status);
	bool any = false;
	const cJSON *c;

	cJSON_ArrayForEach(c, list)
		any |= strcmp(text_of(c, "state"), "down") == 0 || json_text(c, "astray");
	cJSON_Delete(list);
	return any;
}

bool connections_print(const cJSON *status)
{
	struct table *t = table_new("CONNECTION|LOCAL|REMOTE|STATE|>IKE SAS|CHILD|IN|OUT|>PACKETS IN|>OUT|>REKEY IN");
	cJSON *list = connections_json(status);
	const bool any = cJSON_GetArraySize(list) > 0;
	const cJSON *c;

	cJSON_ArrayForEach(c, list)
		add_connection(t, c);
	table_print(t, stdout);
	print_monitors(list);
	print_notes(list);
	cJSON_Delete(list);
	return any;
}
