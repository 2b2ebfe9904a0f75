/* SPDX-License-Identifier: BSD-2-Clause */
#include "ike_json.h"

#include "config/ike_files.h"

static void add_text(cJSON *o, const char *name, const char *text)
{
	if (text[0])
		cJSON_AddStringToObject(o, name, text);
}

static void add_key(cJSON *o, const char *name, uint32_t number)
{
	if (number)
		cJSON_AddNumberToObject(o, name, number);
}

static void add_selector(cJSON *list, const struct selector *s)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddNumberToObject(o, "proto", s->proto);
	cJSON_AddNumberToObject(o, "local_port_min", s->local_port_min);
	cJSON_AddNumberToObject(o, "local_port_max", s->local_port_max);
	cJSON_AddNumberToObject(o, "remote_port_min", s->remote_port_min);
	cJSON_AddNumberToObject(o, "remote_port_max", s->remote_port_max);
	cJSON_AddItemToArray(list, o);
}

/* A port is either end's: that makes two selectors, one for each direction a session is opened in. */
static void add_protect(cJSON *o, const struct connection_config *c)
{
	cJSON *list = cJSON_AddArrayToObject(o, "protect");

	for (unsigned i = 0; i < c->protect_count; i++) {
		const struct selector other = selector_mirrored(&c->protects[i].sel);

		add_selector(list, &c->protects[i].sel);
		if (c->protects[i].either_end)
			add_selector(list, &other);
	}
}

static void add_life(cJSON *o, const struct connection_config *c)
{
	static const char *const starts[] = {"trap", "initiate", "respond"};

	cJSON_AddStringToObject(o, "start", starts[c->start]);
	cJSON_AddBoolToObject(o, "esn", c->esn);
	cJSON_AddBoolToObject(o, "gre", c->gre);
	cJSON_AddNumberToObject(o, "replay_window", c->replay_window);
	cJSON_AddNumberToObject(o, "rekey_ms", (double)c->rekey_s * 1000);
	cJSON_AddNumberToObject(o, "lifetime_ms", (double)c->lifetime_s * 1000);
	cJSON_AddNumberToObject(o, "rekey_bytes", (double)c->rekey_bytes);
	cJSON_AddNumberToObject(o, "rekey_packets", (double)c->rekey_packets);
	cJSON_AddNumberToObject(o, "ike_rekey_ms", (double)c->ike_rekey_s * 1000);
	cJSON_AddNumberToObject(o, "reauth_ms", (double)c->reauth_s * 1000);
	cJSON_AddNumberToObject(o, "dpd_ms", (double)c->dpd_s * 1000);
}

static void add_ends(cJSON *o, const struct connection_config *c)
{
	char text[ADDR_TEXT];

	cJSON_AddStringToObject(o, "name", c->name);
	cJSON_AddStringToObject(o, "local", addr_text(c->local, text));
	cJSON_AddStringToObject(o, "remote", addr_text(c->remote.addr, text));
	cJSON_AddNumberToObject(o, "remote_bits", c->remote.len);
}

static void add_auth(cJSON *o, const struct connection_config *c, const struct ike_key_numbers *keys)
{
	cJSON_AddStringToObject(o, "auth", c->cert ? "cert" : "psk");
	add_key(o, "psk", keys->psk);
	add_key(o, "private", keys->private_key);
	add_key(o, "ppk", keys->ppk);
	add_text(o, "ppk_id", c->ppk_id);
	cJSON_AddBoolToObject(o, "ppk_required", c->ppk_required);
	add_text(o, "local_id", c->local_id);
	add_text(o, "remote_id", c->remote_id);
}

int ike_json(const struct connection_config *c, const struct ike_key_numbers *keys, const char *config_path,
	     cJSON **json, struct fault *f)
{
	cJSON *o = cJSON_CreateObject();
	int err;

	add_ends(o, c);
	add_auth(o, c, keys);
	err = ike_file_add(o, "cert", config_path, c, c->cert_file, f);
	if (!err)
		err = ike_file_add(o, "ca", config_path, c, c->ca_file, f);
	if (!err)
		err = ike_file_add(o, "crl", config_path, c, c->crl_file, f);
	add_protect(o, c);
	add_life(o, c);
	*json = o;
	return err;
}
