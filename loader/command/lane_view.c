/* SPDX-License-Identifier: BSD-2-Clause */
#include "lane_view.h"

#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "nic_view.h"
#include "table.h"

#define QUEUES_TEXT 512

static const cJSON *item(const cJSON *object, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(object, name);
}

static const cJSON *cpus_of(const cJSON *daemon)
{
	return item(item(daemon, "lanes"), "cpus");
}

static uint32_t lane_count(const cJSON *daemon)
{
	const int count = cJSON_GetArraySize(cpus_of(daemon));

	return count < LANES_MAX ? (uint32_t)count : LANES_MAX;
}

static uint64_t moved(const struct maps *maps, uint32_t lane, enum reason reason)
{
	return counts_get(&maps->worker_counts[lane], reason);
}

/* The next queue of the port, from *queue on, that is the lane's. */
static bool next_queue(const struct port *p, uint32_t port, uint32_t lane, uint32_t lanes, uint32_t *queue)
{
	for (; p->ifindex && *queue < p->queues && *queue < QUEUES_MAX; ++*queue)
		if (lane_of_queue(port, *queue, lanes) == lane)
			return true;
	return false;
}

/* ---- JSON ---- */

static cJSON *queues_json(const struct maps *maps, uint32_t lane, uint32_t lanes)
{
	cJSON *array = cJSON_CreateArray();

	for (uint32_t port = 0; port < PORTS_MAX; port++) {
		const struct port p = port_seen(maps, port);

		for (uint32_t q = 0; next_queue(&p, port, lane, lanes, &q); q++) {
			cJSON *json = cJSON_CreateObject();

			cJSON_AddStringToObject(json, "interface", p.name);
			cJSON_AddNumberToObject(json, "queue", q);
			cJSON_AddItemToArray(array, json);
		}
	}
	return array;
}

static cJSON *lane_json(const struct maps *maps, const cJSON *daemon, uint32_t lane)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddNumberToObject(json, "lane", lane);
	cJSON_AddItemToObject(json, "cpu", cJSON_Duplicate(cJSON_GetArrayItem(cpus_of(daemon), (int)lane), false));
	cJSON_AddBoolToObject(json, "pinned", cJSON_IsTrue(item(item(daemon, "lanes"), "pinned")));
	json_add_u64(json, "opened", moved(maps, lane, REASON_OPENED));
	json_add_u64(json, "sealed", moved(maps, lane, REASON_SEALED));
	cJSON_AddItemToObject(json, "queues", queues_json(maps, lane, lane_count(daemon)));
	return json;
}

cJSON *lanes_json(const struct maps *maps, const cJSON *daemon)
{
	cJSON *array = cJSON_CreateArray();

	for (uint32_t lane = 0; lane < lane_count(daemon); lane++)
		cJSON_AddItemToArray(array, lane_json(maps, daemon, lane));
	return array;
}

/* ---- text ---- */

static void append(char text[QUEUES_TEXT], const char *more)
{
	const size_t n = strlen(text);

	snprintf(text + n, QUEUES_TEXT - n, "%s", more);
}

/* "eth0 0,2,4 eth1 1,3"; "": it has none. */
static void queues_text(const struct maps *maps, uint32_t lane, uint32_t lanes, char text[QUEUES_TEXT])
{
	text[0] = '\0';
	for (uint32_t port = 0; port < PORTS_MAX; port++) {
		const struct port p = port_seen(maps, port);
		const char *before = text[0] ? " " : "";
		char one[IF_NAMESIZE + 16];

		for (uint32_t q = 0; next_queue(&p, port, lane, lanes, &q); q++) {
			snprintf(one, sizeof(one), "%s%s%s%u", before, before[0] == ',' ? "" : p.name,
				 before[0] == ',' ? "" : " ", q);
			append(text, one);
			before = ",";
		}
	}
}

static bool print_lane(struct table *t, const struct maps *maps, const cJSON *daemon, uint32_t lane)
{
	const cJSON *cpu = cJSON_GetArrayItem(cpus_of(daemon), (int)lane);
	char queues[QUEUES_TEXT];

	queues_text(maps, lane, lane_count(daemon), queues);
	if (!queues[0])
		return false;
	table_cell(t, "%u", lane);
	if (cJSON_IsNumber(cpu))
		table_cell(t, "%d", cpu->valueint);
	else
		table_cell(t, "-");
	table_cell(t, "%s", cJSON_IsTrue(item(item(daemon, "lanes"), "pinned")) ? "yes" : "no");
	table_cell(t, "%" PRIu64, moved(maps, lane, REASON_OPENED));
	table_cell(t, "%" PRIu64, moved(maps, lane, REASON_SEALED));
	table_cell(t, "%s", queues);
	return true;
}

bool lanes_print(const struct maps *maps, const cJSON *daemon)
{
	struct table *t = table_new(">LANE|>CPU|PINNED|>OPENED|>SEALED|~QUEUES");
	bool any = false;

	for (uint32_t lane = 0; lane < lane_count(daemon); lane++)
		any |= print_lane(t, maps, daemon, lane);
	table_print(t, stdout);
	return any;
}
