/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine.h"

#include <arpa/inet.h>
#include <inttypes.h>

#include "peer_sas.h"
#include "reauth.h"

static void add_addr(cJSON *o, const char *name, const uint8_t addr[4], unsigned bits)
{
	char text[INET_ADDRSTRLEN + 4];
	size_t n;

	inet_ntop(AF_INET, addr, text, INET_ADDRSTRLEN);
	n = strlen(text);
	if (bits < 32)
		snprintf(text + n, sizeof(text) - n, "/%u", bits);
	cJSON_AddStringToObject(o, name, text);
}

static void add_spi(cJSON *o, const char *name, uint64_t spi)
{
	char text[20];

	snprintf(text, sizeof(text), "%016" PRIx64, spi);
	cJSON_AddStringToObject(o, name, text);
}

static const char *ike_state_name(enum ike_state state)
{
	static const char *const names[] = {"connecting", "half_open", "connecting", "up",
					    "replaced",	  "deleting",  "dead"};

	return names[state];
}

static const char *child_state_name(const struct child *c)
{
	static const char *const names[] = {"up", "replaced", "deleting", "grace"};

	return c->state == CHILD_UP && c->out.state != HALF_INSTALLED ? "registered" : names[c->state];
}

static void add_seconds_to(cJSON *o, const char *name, const struct engine *e, const struct timer *t)
{
	const uint64_t now = engine_now(e);

	if (timer_is_set(t))
		cJSON_AddNumberToObject(o, name, t->due_ms > now ? (double)((t->due_ms - now) / 1000) : 0);
	else
		cJSON_AddNullToObject(o, name);
}

static void add_or_null(cJSON *o, const char *name, int64_t seconds)
{
	if (seconds >= 0)
		cJSON_AddNumberToObject(o, name, (double)seconds);
	else
		cJSON_AddNullToObject(o, name);
}

static const char *prf_name(uint16_t prf)
{
	return prf == PRF_HMAC_SHA2_384	  ? "hmac-sha2-384"
	       : prf == PRF_HMAC_SHA2_512 ? "hmac-sha2-512"
					  : "hmac-sha2-256";
}

static cJSON *ike_json(const struct ike_sa *sa)
{
	cJSON *o = cJSON_CreateObject();
	int64_t due, expires;

	add_spi(o, "spi_i", sa->spi_i);
	add_spi(o, "spi_r", sa->spi_r);
	cJSON_AddStringToObject(o, "role", sa->initiator ? "initiator" : "responder");
	cJSON_AddStringToObject(o, "state", ike_state_name(sa->state));
	if (sa->peer_id)
		cJSON_AddStringToObject(o, "peer_id", sa->peer_id);
	if (sa->state < IKE_UP)
		return o;
	cJSON_AddStringToObject(o, "prf", prf_name(sa->keys.prf));
	cJSON_AddBoolToObject(o, "ppk", sa->proofs & PROOF_PPK);
	cJSON_AddNumberToObject(o, "established_s", (double)((engine_now(sa->engine) - sa->up_ms) / 1000));
	add_seconds_to(o, "rekey_in_s", sa->engine, &sa->life);
	reauth_times(sa, &due, &expires);
	add_or_null(o, "reauth_in_s", due);
	add_or_null(o, "auth_expires_in_s", expires);
	return o;
}

static void add_usage(cJSON *o, const struct child *c, const struct child_half *half, const char *packets,
		      const char *bytes)
{
	const struct engine_ops *ops = &c->engine->ops;
	struct sa_usage usage = {0};

	if (half->state != HALF_NONE)
		ops->sa_usage(ops->arg, half->sa, &usage);
	cJSON_AddNumberToObject(o, packets, (double)usage.packets);
	cJSON_AddNumberToObject(o, bytes, (double)usage.bytes);
}

static cJSON *child_json(const struct child *c)
{
	cJSON *o = cJSON_CreateObject();
	char selector[SELECTOR_TEXT];

	selector_text(&c->selector, selector);
	cJSON_AddNumberToObject(o, "spi_in", c->in.spi);
	cJSON_AddNumberToObject(o, "spi_out", c->out.spi);
	cJSON_AddStringToObject(o, "state", child_state_name(c));
	cJSON_AddStringToObject(o, "selector", selector);
	cJSON_AddStringToObject(o, "role", c->initiator ? "initiator" : "responder");
	cJSON_AddBoolToObject(o, "esn", c->esn);
	add_usage(o, c, &c->in, "packets_in", "bytes_in");
	add_usage(o, c, &c->out, "packets_out", "bytes_out");
	cJSON_AddNumberToObject(o, "established_s", (double)((engine_now(c->engine) - c->made_ms) / 1000));
	add_seconds_to(o, "rekey_in_s", c->engine, &c->soft);
	return o;
}

static cJSON *new_connection(const struct connection *c)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "name", c->config->name);
	add_addr(o, "local", c->config->local, 32);
	add_addr(o, "remote", c->config->remote, c->config->remote_bits);
	return o;
}

static bool has_living(const struct peer *p)
{
	const struct ike_sa *sa;

	TAILQ_FOREACH(sa, &p->sas, of_peer)
		if (sa->state != IKE_DEAD)
			return true;
	return !TAILQ_EMPTY(&p->children);
}

static const char *peer_state(const struct peer *p)
{
	if (peer_child_up(p, NULL))
		return "up";
	if (has_living(p))
		return "connecting";
	return p->connection->config->start == START_TRAP && !p->address_gone ? "trap" : "down";
}

static cJSON *peer_json(const struct peer *p)
{
	cJSON *o = new_connection(p->connection), *ike, *children;
	const struct ike_sa *sa;
	const struct child *c;

	if (p->connection->config->remote_bits < 32)
		add_addr(o, "peer", p->remote, 32);
	cJSON_AddStringToObject(o, "state", peer_state(p));
	ike = cJSON_AddArrayToObject(o, "ike");
	children = cJSON_AddArrayToObject(o, "children");
	TAILQ_FOREACH(sa, &p->sas, of_peer)
		if (sa->state != IKE_DEAD)
			cJSON_AddItemToArray(ike, ike_json(sa));
	TAILQ_FOREACH(c, &p->children, of_peer)
		cJSON_AddItemToArray(children, child_json(c));
	return o;
}

/* A mesh that nobody has spoken to. */
static cJSON *idle_json(const struct connection *c)
{
	cJSON *o = new_connection(c);

	cJSON_AddStringToObject(o, "state", c->config->start == START_TRAP ? "trap" : "down");
	cJSON_AddArrayToObject(o, "ike");
	cJSON_AddArrayToObject(o, "children");
	return o;
}

cJSON *engine_status(const struct engine *e)
{
	cJSON *o = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(o, "connections");
	const struct connection *c;
	const struct peer *p;

	TAILQ_FOREACH(c, &e->connections, of_engine) {
		if (c->gone)
			continue;
		if (TAILQ_EMPTY(&c->peers))
			cJSON_AddItemToArray(list, idle_json(c));
		TAILQ_FOREACH(p, &c->peers, of_connection)
			cJSON_AddItemToArray(list, peer_json(p));
	}
	cJSON_AddNumberToObject(o, "half_open", e->half_open);
	return o;
}
