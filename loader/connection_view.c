/* SPDX-License-Identifier: BSD-2-Clause */
#include "connection_view.h"

#include "table.h"

static const cJSON *list_of(const cJSON *status)
{
	const cJSON *document = cJSON_GetObjectItemCaseSensitive(status, "document");

	return cJSON_GetObjectItemCaseSensitive(document, "connections");
}

cJSON *connections_json(const cJSON *status)
{
	const cJSON *list = list_of(status);

	return list ? cJSON_Duplicate(list, true) : cJSON_CreateArray();
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
		table_cell(t, "%s", text_of(c, "state"));
		table_cell(t, "%d", cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(c, "ike")));
		if (child)
			add_child(t, child);
		for (int n = 0; !child && n < 6; n++)
			table_cell(t, "-");
	}
}

bool connections_print(const cJSON *status)
{
	struct table *t = table_new("CONNECTION|LOCAL|REMOTE|STATE|>IKE SAS|CHILD|IN|OUT|>PACKETS IN|>OUT|>REKEY IN");
	const cJSON *c;

	cJSON_ArrayForEach(c, list_of(status)) add_connection(t, c);
	table_print(t, stdout);
	return cJSON_GetArraySize(list_of(status)) > 0;
}
