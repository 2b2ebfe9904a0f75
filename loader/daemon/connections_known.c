/* SPDX-License-Identifier: BSD-2-Clause */
#include "connections_known.h"

#include <string.h>

#include "maps/slots.h"

static bool is_of(const struct sa_state *sa, const struct connection_config *c, const uint8_t *local,
		  const uint8_t *remote)
{
	return sa->owner == OWNER_IKE && memcmp(local, c->local, 4) == 0 && prefix_covers(&c->remote, remote);
}

/* IKE's death ends no SA: with one each way, packets go on. */
static bool has_sas(const struct connection_config *c, const struct maps *maps)
{
	bool in = false, out = false;

	for (uint32_t slot = 0; slot < SLOTS_MAX && !(in && out); slot++) {
		const struct sa_state *sa = &maps->sa[slot];

		if (!slot_in_use(slot_generation(maps->sa, slot)))
			continue;
		in |= sa->direction == SA_INBOUND && sa->replay_window && is_of(sa, c, sa->dst, sa->src);
		out |= sa->direction == SA_OUTBOUND && is_of(sa, c, sa->src, sa->dst);
	}
	return in && out;
}

static cJSON *known(const struct connection_config *c, const struct maps *maps, const char *note)
{
	static const char *const start_names[] = {"trap", "initiate", "respond"};
	char local[ADDR_TEXT], remote[PREFIX_TEXT];
	cJSON *json = cJSON_CreateObject();

	cJSON_AddStringToObject(json, "name", c->name);
	cJSON_AddStringToObject(json, "local", addr_text(c->local, local));
	cJSON_AddStringToObject(json, "remote",
				c->remote.len == 32 ? addr_text(c->remote.addr, remote)
						    : prefix_text(&c->remote, remote));
	cJSON_AddStringToObject(json, "auth", c->cert ? "cert" : "psk");
	cJSON_AddStringToObject(json, "start", start_names[c->start]);
	cJSON_AddStringToObject(json, "state", has_sas(c, maps) ? "up" : "down");
	cJSON_AddNullToObject(json, "state_s");
	cJSON_AddNullToObject(json, "last_up_s");
	cJSON_AddArrayToObject(json, "failures");
	cJSON_AddArrayToObject(json, "ike");
	cJSON_AddArrayToObject(json, "children");
	cJSON_AddStringToObject(json, "note", note);
	return json;
}

cJSON *connections_known(const struct config *config, const struct maps *maps, const char *note)
{
	cJSON *document = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(document, "connections");

	for (unsigned i = 0; i < config->connection_count; i++)
		cJSON_AddItemToArray(list, known(&config->connections[i], maps, note));
	cJSON_AddNumberToObject(document, "half_open", 0);
	cJSON_AddNullToObject(document, "stranger");
	return document;
}
