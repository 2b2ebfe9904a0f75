/* SPDX-License-Identifier: BSD-2-Clause */
/* The connections of the file, now or instead of those before: what did not change is not touched. */
#include "engine.h"

#include <stdlib.h>
#include <string.h>

#include "adopt.h"
#include "config/judge.h"
#include "orders.h"
#include "peer.h"
#include "reauth.h"
#include "wish.h"

static struct connection *find_same(struct engine *e, const struct connection_config *config)
{
	struct connection *c;

	TAILQ_FOREACH(c, &e->connections, of_engine)
		if (!c->gone && strcmp(c->config->name, config->name) == 0 &&
		    memcmp(c->config->digest, config->digest, sizeof(config->digest)) == 0 &&
		    /* Without local-id it is as the certificate has it. */
		    identity_equal(&c->config->local_id, &config->local_id))
			return c;
	return NULL;
}

static void warn(const struct connection *c);

/* Nothing but certificates, CAs or CRLs have changed, perhaps: what is up stays up, and is looked at again. */
static void renew(struct connection *c, struct connection_config *config)
{
	struct connection_config *before = c->config;

	if (memcmp(before->files_digest, config->files_digest, sizeof(config->files_digest)) == 0) {
		connection_config_free(config);
		return;
	}
	c->config = config;
	engine_log(c->engine, false, "%s: certificates, CA or CRL have been renewed", config->name);
	warn(c);
	reauth_renewed(c, !credentials_equal(&before->credentials, &config->credentials));
	connection_config_free(before);
}

static bool is_among(const struct connection *c, struct connection *const *kept, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (kept[i] == c)
			return true;
	return false;
}

/* Its SAs are deleted, and it goes with the last of them. */
static void dismiss(struct connection *c)
{
	struct peer *p;

	c->gone = true;
	connection_leave(c);
	TAILQ_FOREACH(p, &c->peers, of_connection) {
		orders_take_down(p);
		peer_on_loss(p);
	}
	mortal_end(&c->engine->ending, &c->mortal);
}

static void dismiss_others(struct engine *e, struct connection *const *kept, unsigned count)
{
	struct connection *c;

	TAILQ_FOREACH(c, &e->connections, of_engine)
		if (!c->gone && !is_among(c, kept, count))
			dismiss(c);
}

static struct connection *add(struct engine *e, struct connection_config *config)
{
	struct connection *c = calloc(1, sizeof(*c));

	if (!c || !timers_reserve(&e->timers, 1)) {
		free(c);
		engine_log(e, false, "%s: no memory for this connection", config->name);
		connection_config_free(config);
		return NULL;
	}
	c->engine = e;
	c->config = config;
	c->mortal.kind = MORTAL_CONNECTION;
	timer_init(&c->begin, TIMER_CONNECTION_BEGIN);
	TAILQ_INIT(&c->peers);
	TAILQ_INSERT_TAIL(&e->connections, c, of_engine);
	connection_enter(c);
	return c;
}

/* Said once, beside going on: clocks are wrong at times, and other hosts' too. */
static void warn(const struct connection *c)
{
	const struct engine_ops *ops = &c->engine->ops;
	struct fault f;

	if (judge(c->config, ops->wall_s(ops->arg), &f) != JUDGED_GOOD)
		engine_log(c->engine, false, "%s: %s", c->config->name, f.text);
}

void engine_configure(struct engine *e, struct ike_config *config)
{
	struct connection **kept = calloc(config->count ? config->count : 1, sizeof(*kept));
	struct connection *fresh;

	if (!kept) {
		engine_log(e, false, "no memory for the configuration: going on as before");
		ike_config_free(config);
		return;
	}
	for (unsigned i = 0; i < config->count; i++)
		kept[i] = find_same(e, config->connections[i]);
	dismiss_others(e, kept, config->count);
	for (unsigned i = 0; i < config->count; i++) {
		if (kept[i]) {
			renew(kept[i], config->connections[i]);
			continue;
		}
		fresh = add(e, config->connections[i]);
		if (!fresh)
			continue;
		warn(fresh);
		wish_begin(fresh);
	}
	orphans_adopt(e);
	if (config->cookie_threshold)
		e->cookie_threshold = config->cookie_threshold;
	free(kept);
	free(config->connections);
	*config = (struct ike_config){0};
}
