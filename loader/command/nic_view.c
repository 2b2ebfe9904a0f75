/* SPDX-License-Identifier: BSD-2-Clause */
#include "nic_view.h"

#include <bpf/bpf.h>
#include <net/if.h>
#include <stdio.h>

#include "attach/gates.h"
#include "attach/steering.h"
#include "net/netdev.h"
#include "table.h"

static const char *mode_text(const struct port *p)
{
	return p->mode == PORT_NATIVE ? "native" : p->mode == PORT_GENERIC ? "generic" : "-";
}

/* Whether the entry has a NIC: one that is there, one gone for now, or one that a dead supervisor left. */
struct port port_seen(const struct maps *maps, unsigned index)
{
	struct port p = maps->port[index];

	p.name[sizeof(p.name) - 1] = '\0';
	return p;
}

static bool is_nic(const struct port *p)
{
	return p->name[0] != '\0';
}

/* In the namespace of whoever asks, which may be another: then what its flags are is not known. */
static bool is_set_down(const struct port *p)
{
	struct netdev dev;

	return netdev_get(p->name, &dev, NULL) == 0 && dev.ifindex == (int)p->ifindex && !(dev.flags & IFF_UP);
}

static const char *nic_state(bool running, const struct port *p)
{
	if (!running)
		return "blocked";
	if (!p->ifindex)
		return "gone";
	return is_set_down(p) ? "down" : "up";
}

/* What comes to mean something where there are several queues. */
static const char *steering_short(enum port_steering steering)
{
	const char *name = steering_name(steering);

	return !name || steering == STEERING_ONE_QUEUE ? "-" : name;
}

cJSON *steering_json(enum port_steering steering)
{
	const char *name = steering_name(steering);

	return name ? cJSON_CreateString(name) : cJSON_CreateNull();
}

cJSON *nics_json(const struct maps *maps, bool running)
{
	cJSON *array = cJSON_CreateArray();

	for (unsigned i = 0; i < PORTS_MAX; i++) {
		const struct port seen = port_seen(maps, i), *p = &seen;
		cJSON *json;

		if (!is_nic(p))
			continue;
		json = cJSON_CreateObject();
		cJSON_AddStringToObject(json, "name", p->name);
		cJSON_AddStringToObject(json, "state", nic_state(running, p));
		cJSON_AddStringToObject(json, "mode", mode_text(p));
		cJSON_AddBoolToObject(json, "zero_copy", p->zero_copy);
		cJSON_AddBoolToObject(json, "busy_poll", p->busy_poll);
		cJSON_AddNumberToObject(json, "queues", p->queues);
		cJSON_AddItemToObject(json, "steering", steering_json(p->steering));
		cJSON_AddNumberToObject(json, "mtu", p->mtu);
		cJSON_AddNumberToObject(json, "ifindex", p->ifindex);
		cJSON_AddNumberToObject(json, "tap_ifindex", p->tap_ifindex);
		cJSON_AddItemToArray(array, json);
	}
	return array;
}

void nics_print(const struct maps *maps, bool running)
{
	struct table *t = table_new("INTERFACE|STATE|MODE|ZERO-COPY|>QUEUES|STEERING|>MTU");

	for (unsigned i = 0; i < PORTS_MAX; i++) {
		const struct port seen = port_seen(maps, i), *p = &seen;

		if (!is_nic(p))
			continue;
		table_cell(t, "%s", p->name);
		table_cell(t, "%s", nic_state(running, p));
		table_cell(t, "%s", mode_text(p));
		table_cell(t, "%s", p->zero_copy ? "yes" : "no");
		table_cell(t, "%u", p->queues);
		table_cell(t, "%s", steering_short(p->steering));
		table_cell(t, "%u", p->mtu);
	}
	table_print(t, stdout);
}

/* ---- open gates ---- */

/* The next interface after *ifindex (0: the first) whose gate 'detach' has opened. False if there is no more. */
static bool next_open(const struct maps *maps, uint32_t *ifindex)
{
	uint32_t key = *ifindex, *after = key ? &key : NULL;

	while (bpf_map_get_next_key(maps->gates, after, &key) == 0) {
		after = &key;
		if (gates_get(maps, key).kind == GATE_OPEN) {
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

cJSON *open_gates_json(const struct maps *maps)
{
	cJSON *array = cJSON_CreateArray();
	char name[IF_NAMESIZE];

	for (uint32_t ifindex = 0; next_open(maps, &ifindex);)
		cJSON_AddItemToArray(array, cJSON_CreateString(open_name(ifindex, name)));
	return array;
}

void open_gates_tell(const struct maps *maps, text_line *line, void *arg)
{
	char name[IF_NAMESIZE], text[160];

	for (uint32_t ifindex = 0; next_open(maps, &ifindex);) {
		snprintf(
			text, sizeof(text),
			"%s: GATE OPEN: detached, what policies protect goes in clear: 'xdp-ipsec attach %s' closes it",
			open_name(ifindex, name), name);
		line(arg, TINT_BAD, text);
	}
}

bool open_gates_any(const struct maps *maps)
{
	uint32_t first = 0;

	return next_open(maps, &first);
}
