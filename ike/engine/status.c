/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine.h"

#include <arpa/inet.h>
#include <inttypes.h>

#include "config/file_times.h"
#include "peer_sas.h"
#include "peer_state.h"
#include "reauth.h"
#include "request.h"
#include "task.h"

/* A child that so many packets have left by, in so long, and none has come by, is told of. */
#define SILENT_PACKETS 5
#define SILENT_MS      5000

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

	if (c->state == CHILD_UP && c->lane == LANE_SPARE)
		return "spare";
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

/* How far the handshake has got: what is waited for, and how often it was asked for. */
static void add_progress(cJSON *o, const struct ike_sa *sa)
{
	cJSON_AddNumberToObject(o, "started_s", (double)((engine_now(sa->engine) - sa->started_ms) / 1000));
	if (sa->running) {
		cJSON_AddStringToObject(o, "awaits", task_name(sa->running->kind));
		cJSON_AddNumberToObject(o, "tries", sa->tries);
	}
	if (request_remedy(sa))
		cJSON_AddStringToObject(o, "hint", request_remedy(sa));
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
	if (sa->state < IKE_UP) {
		add_progress(o, sa);
		return o;
	}
	cJSON_AddStringToObject(o, "encryption", "AES_GCM_16-256");
	cJSON_AddStringToObject(o, "prf", prf_name(sa->keys.prf));
	cJSON_AddStringToObject(o, "key_exchange", "ecp384");
	cJSON_AddBoolToObject(o, "ppk", (sa->proofs & PROOF_PPK) != 0);
	cJSON_AddNumberToObject(o, "established_s",
				(double)((engine_now(sa->engine) - (sa->up_ms ? sa->up_ms : sa->started_ms)) / 1000));
	add_seconds_to(o, "rekey_in_s", sa->engine, &sa->life);
	reauth_times(sa, &due, &expires);
	add_or_null(o, "reauth_in_s", due);
	add_or_null(o, "auth_expires_in_s", expires);
	return o;
}

static void add_idle(cJSON *o, const char *name, const struct sa_usage *usage)
{
	add_or_null(o, name, usage->idle_ms == UINT64_MAX ? -1 : (int64_t)(usage->idle_ms / 1000));
}

static void add_traffic(cJSON *o, const struct sa_usage *in, const struct sa_usage *out)
{
	cJSON_AddNumberToObject(o, "packets_in", (double)in->packets);
	cJSON_AddNumberToObject(o, "bytes_in", (double)in->bytes);
	add_idle(o, "idle_in_s", in);
	cJSON_AddNumberToObject(o, "packets_out", (double)out->packets);
	cJSON_AddNumberToObject(o, "bytes_out", (double)out->bytes);
	add_idle(o, "idle_out_s", out);
}

/* Either half has the limit, so the one that is nearer to it counts. */
static void add_left(cJSON *o, const char *name, uint64_t limit, uint64_t in, uint64_t out)
{
	const uint64_t used = in > out ? in : out;

	if (limit)
		cJSON_AddNumberToObject(o, name, used < limit ? (double)(limit - used) : 0);
	else
		cJSON_AddNullToObject(o, name);
}

static void add_limits(cJSON *o, const struct child *c, const struct sa_usage *in, const struct sa_usage *out)
{
	const struct connection_config *config = c->peer->connection->config;

	add_seconds_to(o, "rekey_in_s", c->engine, &c->soft);
	add_seconds_to(o, "expires_in_s", c->engine, &c->hard);
	add_left(o, "rekey_in_packets", child_soft_packets(c), in->packets, out->packets);
	add_left(o, "rekey_in_bytes", child_soft_limit(c, config->rekey_bytes), in->bytes, out->bytes);
}

/* What leaves by a lane's is answered by that of whatever lane the peer's CPU has. */
static bool is_heard_beside(const struct child *c)
{
	const struct child *other;
	struct sa_usage usage;

	TAILQ_FOREACH(other, &c->peer->children, of_peer)
		if (c->resource && selector_equal(&other->selector, &c->selector) &&
		    child_usage(other, &other->in, &usage) && usage.packets)
			return true;
	return false;
}

/* Packets leave and none has ever come: ESP is lost on the way, or there is nobody to answer. */
static bool is_silent(const struct child *c, const struct sa_usage *in, const struct sa_usage *out)
{
	return !in->packets && out->packets >= SILENT_PACKETS && engine_now(c->engine) - c->made_ms >= SILENT_MS &&
	       !is_heard_beside(c);
}

/* The file wants more than the two have agreed on: the rest has no SA here. */
static void add_narrowed(cJSON *o, const struct child *c)
{
	const int wanted = c->peer ? peer_selector_of(c) : -1;
	char selector[SELECTOR_TEXT];

	if (wanted < 0 || selector_equal(&c->peer->connection->config->selectors[wanted], &c->selector))
		return;
	selector_text(&c->peer->connection->config->selectors[wanted], selector);
	cJSON_AddStringToObject(o, "narrowed_from", selector);
}

static cJSON *child_json(const struct child *c)
{
	struct sa_usage in = {.idle_ms = UINT64_MAX}, out = in;
	cJSON *o = cJSON_CreateObject();
	char selector[SELECTOR_TEXT];

	child_usage(c, &c->in, &in);
	child_usage(c, &c->out, &out);
	selector_text(&c->selector, selector);
	cJSON_AddNumberToObject(o, "spi_in", c->in.spi);
	cJSON_AddNumberToObject(o, "spi_out", c->out.spi);
	cJSON_AddStringToObject(o, "state", child_state_name(c));
	cJSON_AddStringToObject(o, "selector", selector);
	if (c->resource)
		add_or_null(o, "lane", child_lane(c));
	add_narrowed(o, c);
	cJSON_AddStringToObject(o, "role", c->initiator ? "initiator" : "responder");
	cJSON_AddStringToObject(o, "encryption", "AES_GCM_16-256");
	cJSON_AddBoolToObject(o, "esn", c->esn);
	add_traffic(o, &in, &out);
	cJSON_AddBoolToObject(o, "silent", is_silent(c, &in, &out));
	cJSON_AddNumberToObject(o, "established_s", (double)((engine_now(c->engine) - c->made_ms) / 1000));
	add_limits(o, c, &in, &out);
	return o;
}

/* Since the epoch. */
static void add_valid_until(cJSON *o, const struct connection_config *config)
{
	cJSON *files = config->cert ? cJSON_AddObjectToObject(o, "valid_until") : NULL;
	struct file_times t;

	if (!files)
		cJSON_AddNullToObject(o, "valid_until");
	for (enum dated_file file = 0; files && file < DATED_FILES; file++)
		if (file_times(config, file, &t))
			cJSON_AddNumberToObject(files, dated_file_name(file), (double)t.end);
}

static cJSON *new_connection(const struct connection *c)
{
	static const char *const starts[] = {"trap", "initiate", "respond"};
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "name", c->config->name);
	add_addr(o, "local", c->config->local, 32);
	add_addr(o, "remote", c->config->remote, c->config->remote_bits);
	cJSON_AddStringToObject(o, "auth", c->config->cert ? "cert" : "psk");
	cJSON_AddStringToObject(o, "start", starts[c->config->start]);
	add_valid_until(o, c->config);
	return o;
}

static void add_state(cJSON *o, struct peer *p)
{
	const uint64_t now = engine_now(p->connection->engine);

	peer_see_state(p);
	cJSON_AddStringToObject(o, "state", peer_state_name(peer_state(p)));
	cJSON_AddNumberToObject(o, "state_s", (double)((now - peer_state_since(p)) / 1000));
	add_or_null(o, "last_up_s", p->is_up ? 0 : p->up_ms ? (int64_t)((now - p->lost_ms) / 1000) : -1);
	cJSON_AddItemToObject(o, "failures", failures_json(p->last_failures, now));
}

static struct tally carried_by(const struct peer *p)
{
	struct tally t = p->tally ? *p->tally : (struct tally){0};
	const struct child *c;

	TAILQ_FOREACH(c, &p->children, of_peer)
		child_add_unsettled(c, &t);
	return t;
}

/* Of all peers that there are or were, as what a mesh has carried does not go with them. */
static cJSON *totals_json(const struct connection *c)
{
	struct tally sum = c->tally;
	const struct peer *p;
	cJSON *o;

	TAILQ_FOREACH(p, &c->peers, of_connection) {
		const struct tally t = carried_by(p);

		tally_add(&sum, &t);
	}
	o = tally_json(&sum);
	cJSON_AddStringToObject(o, "connection", c->config->name);
	return o;
}

static cJSON *peer_json(struct peer *p)
{
	cJSON *o = new_connection(p->connection), *ike, *children;
	struct tally tally;
	const struct ike_sa *sa;
	const struct child *c;

	if (p->connection->config->remote_bits < 32)
		add_addr(o, "peer", p->remote, 32);
	add_state(o, p);
	tally = carried_by(p);
	cJSON_AddItemToObject(o, "totals", tally_json(&tally));
	ike = cJSON_AddArrayToObject(o, "ike");
	children = cJSON_AddArrayToObject(o, "children");
	TAILQ_FOREACH(sa, &p->sas, of_peer)
		if (sa->state != IKE_DEAD)
			cJSON_AddItemToArray(ike, ike_json(sa));
	TAILQ_FOREACH(c, &p->children, of_peer)
		cJSON_AddItemToArray(children, child_json(c));
	return o;
}

/* A mesh that has no peer now. */
static cJSON *idle_json(const struct connection *c)
{
	cJSON *o = new_connection(c);

	cJSON_AddStringToObject(o, "state", c->config->start == START_TRAP ? "trap" : "down");
	cJSON_AddNullToObject(o, "state_s");
	cJSON_AddNullToObject(o, "last_up_s");
	cJSON_AddItemToObject(o, "failures", failures_json(c->failures, engine_now(c->engine)));
	cJSON_AddArrayToObject(o, "ike");
	cJSON_AddArrayToObject(o, "children");
	return o;
}

cJSON *engine_status(const struct engine *e)
{
	cJSON *o = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(o, "connections"), *stranger,
	      *totals = cJSON_AddArrayToObject(o, "totals");
	const struct connection *c;
	struct peer *p;

	child_settle_late(e);
	TAILQ_FOREACH(c, &e->connections, of_engine) {
		if (c->gone)
			continue;
		if (TAILQ_EMPTY(&c->peers))
			cJSON_AddItemToArray(list, idle_json(c));
		TAILQ_FOREACH(p, &c->peers, of_connection)
			cJSON_AddItemToArray(list, peer_json(p));
		cJSON_AddItemToArray(totals, totals_json(c));
	}
	cJSON_AddNumberToObject(o, "half_open", e->half_open);
	stranger = failure_json(&e->stranger, REFUSED, engine_now(e));
	cJSON_AddItemToObject(o, "stranger", stranger ? stranger : cJSON_CreateNull());
	return o;
}
