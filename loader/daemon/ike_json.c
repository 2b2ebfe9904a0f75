/* SPDX-License-Identifier: BSD-2-Clause */
#include "ike_json.h"

/* Whether there was memory for all of it: what is not there means something else to IKE, as no limit, or any peer. */

static bool add_text(cJSON *o, const char *name, const char *text)
{
	return !text[0] || cJSON_AddStringToObject(o, name, text);
}

static bool add_number(cJSON *o, const char *name, uint32_t number)
{
	return !number || cJSON_AddNumberToObject(o, name, number);
}

static bool fill_selector(cJSON *o, const struct selector *s)
{
	return cJSON_AddNumberToObject(o, "proto", s->proto) &&
	       cJSON_AddNumberToObject(o, "local_port_min", s->local_port_min) &&
	       cJSON_AddNumberToObject(o, "local_port_max", s->local_port_max) &&
	       cJSON_AddNumberToObject(o, "remote_port_min", s->remote_port_min) &&
	       cJSON_AddNumberToObject(o, "remote_port_max", s->remote_port_max);
}

static bool add_selector(cJSON *list, const struct selector *s)
{
	cJSON *o = cJSON_CreateObject();

	return json_append(list, o) && fill_selector(o, s);
}

/* A port is either end's: that makes two selectors, one for each direction a session is opened in. */
static bool add_protect(cJSON *o, const struct connection_config *c)
{
	cJSON *list = cJSON_AddArrayToObject(o, "protect");
	bool all = list;

	for (unsigned i = 0; i < c->protect_count; i++) {
		const struct selector other = selector_mirrored(&c->protects[i].sel);

		all = all && add_selector(list, &c->protects[i].sel);
		if (c->protects[i].either_end)
			all = all && add_selector(list, &other);
	}
	return all;
}

static bool add_life(cJSON *o, const struct connection_config *c)
{
	return cJSON_AddStringToObject(o, "start", connection_start_name(c->start)) &&
	       cJSON_AddBoolToObject(o, "esn", c->esn) && cJSON_AddBoolToObject(o, "gre", c->gre) &&
	       cJSON_AddBoolToObject(o, "per_queue", c->per_queue) &&
	       cJSON_AddNumberToObject(o, "replay_window", c->replay_window) &&
	       cJSON_AddNumberToObject(o, "rekey_ms", (double)c->rekey_s * 1000) &&
	       cJSON_AddNumberToObject(o, "lifetime_ms", (double)c->lifetime_s * 1000) &&
	       cJSON_AddNumberToObject(o, "rekey_bytes", (double)c->rekey_bytes) &&
	       cJSON_AddNumberToObject(o, "rekey_packets", (double)c->rekey_packets) &&
	       cJSON_AddNumberToObject(o, "ike_rekey_ms", (double)c->ike_rekey_s * 1000) &&
	       cJSON_AddNumberToObject(o, "reauth_ms", (double)c->reauth_s * 1000) &&
	       cJSON_AddNumberToObject(o, "dpd_ms", (double)c->dpd_s * 1000);
}

static bool add_ends(cJSON *o, const struct connection_config *c)
{
	char local[ADDR_TEXT], remote[ADDR_TEXT];

	return cJSON_AddStringToObject(o, "name", c->name) &&
	       cJSON_AddStringToObject(o, "local", addr_text(c->local, local)) &&
	       cJSON_AddStringToObject(o, "remote", addr_text(c->remote.addr, remote)) &&
	       cJSON_AddNumberToObject(o, "remote_bits", c->remote.len);
}

static bool add_auth(cJSON *o, const struct connection_config *c, const struct ike_numbers *numbers)
{
	return cJSON_AddStringToObject(o, "auth", c->cert ? "cert" : "psk") && add_number(o, "psk", numbers->psk) &&
	       add_number(o, "private", numbers->private_key) && add_number(o, "ppk", numbers->ppk) &&
	       add_number(o, "cert", numbers->cert) && add_number(o, "ca", numbers->ca) &&
	       add_number(o, "crl", numbers->crl) && add_text(o, "ppk_id", c->ppk_id) &&
	       cJSON_AddBoolToObject(o, "ppk_required", c->ppk_required) && add_text(o, "local_id", c->local_id) &&
	       add_text(o, "remote_id", c->remote_id);
}

cJSON *ike_json(const struct connection_config *c, const struct ike_numbers *numbers)
{
	cJSON *o = cJSON_CreateObject();

	if (add_ends(o, c) && add_auth(o, c, numbers) && add_protect(o, c) && add_life(o, c))
		return o;
	cJSON_Delete(o);
	return NULL;
}
