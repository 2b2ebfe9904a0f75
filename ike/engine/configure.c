/* SPDX-License-Identifier: BSD-2-Clause */
/* The connections of the file, now or instead of those before: what did not change is not touched. */
#include "engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "adopt.h"
#include "config/judge.h"
#include "expiry.h"
#include "orders.h"
#include "peer.h"
#include "reauth.h"
#include "wish.h"

static struct connection *find_same(struct engine *e, const struct connection_config *config)
{
	struct connection *c = connection_named(e, config->name);

	/* Without local-id it is as the certificate has it. */
	return c && memcmp(c->config->digest, config->digest, sizeof(config->digest)) == 0 &&
			       identity_equal(&c->config->local_id, &config->local_id)
		       ? c
		       : NULL;
}

static void warn(const struct connection *c, struct judged *last);

static void tell_changed(struct engine *e, const struct connection_config *config, const char *how)
{
	if (e->ops.changed)
		e->ops.changed(e->ops.arg, config->name, how);
}

/* Nothing but certificates, CAs or CRLs have changed, perhaps: what is up stays up, and is looked at again. */
static void renew(struct connection *c, struct connection_config *config, struct judged *last)
{
	struct connection_config *before = c->config;

	if (memcmp(before->files_digest, config->files_digest, sizeof(config->files_digest)) == 0) {
		connection_config_free(config);
		return;
	}
	c->config = config;
	engine_log(c->engine, 0, "%s: certificates, CA or CRL have been renewed", config->name);
	tell_changed(c->engine, config, "renewed");
	warn(c, last);
	reauth_renewed(c, !credentials_equal(before->credentials, config->credentials));
	connection_config_free(before);
}

/* Those that are not kept, but have a connection of that name. */
static void tell_others(struct engine *e, const struct ike_config *config, struct connection *const *same)
{
	for (unsigned i = 0; i < config->count; i++)
		if (!same[i] && connection_named(e, config->connections[i]->name))
			tell_changed(e, config->connections[i], "changed");
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

static void dismiss_others(struct engine *e)
{
	struct connection *c;

	TAILQ_FOREACH(c, &e->connections, of_engine)
		if (!c->gone && c->configured != e->configured)
			dismiss(c);
}

static struct connection *add(struct engine *e, struct connection_config *config)
{
	struct connection *c = calloc(1, sizeof(*c));

	if (!c || !timers_reserve(&e->timers, 1)) {
		free(c);
		engine_log(e, LINE_OF_FAILURE, "%s: no memory for this connection", config->name);
		connection_config_free(config);
		return NULL;
	}
	c->engine = e;
	c->config = config;
	c->configured = e->configured;
	c->mortal.kind = MORTAL_CONNECTION;
	timer_init(&c->begin, TIMER_CONNECTION_BEGIN);
	TAILQ_INIT(&c->peers);
	TAILQ_INSERT_TAIL(&e->connections, c, of_engine);
	connection_enter(c);
	return c;
}

/* Said once, beside going on: clocks are wrong at times, and other hosts' too. */
static void warn(const struct connection *c, struct judged *last)
{
	const struct engine_ops *ops = &c->engine->ops;
	struct fault f;

	if (judge_next(last, c->config, ops->wall_s(ops->arg), &f) != JUDGED_GOOD)
		engine_log(c->engine, LINE_OF_FAILURE, "%s: %s", c->config->name, f.text);
	expiry_tell(c);
}

static bool has_kept(struct engine *e, const struct ike_config *config)
{
	unsigned i = 0;

	while (i < config->kept_count && connection_named(e, config->kept[i]))
		i++;
	return i == config->kept_count;
}

/* Finds what stays, same[i] of connections[i] among it, and takes down the rest. */
static void sift(struct engine *e, const struct ike_config *config, struct connection **same)
{
	e->configured++;
	for (unsigned i = 0; i < config->kept_count; i++)
		connection_named(e, config->kept[i])->configured = e->configured;
	for (unsigned i = 0; i < config->count; i++) {
		same[i] = find_same(e, config->connections[i]);
		if (same[i])
			same[i]->configured = e->configured;
	}
	tell_others(e, config, same);
	dismiss_others(e);
}

static void take(struct engine *e, struct ike_config *config, struct connection *const *same)
{
	struct judged last = {0};

	for (unsigned i = 0; i < config->count; i++) {
		struct connection *fresh;

		if (same[i]) {
			renew(same[i], config->connections[i], &last);
			continue;
		}
		fresh = add(e, config->connections[i]);
		if (!fresh)
			continue;
		warn(fresh, &last);
		wish_begin(fresh);
	}
}

int engine_configure(struct engine *e, struct ike_config *config)
{
	struct connection **same = calloc(config->count + 1, sizeof(*same));
	const int err = !same ? -ENOMEM : !has_kept(e, config) ? -ENOENT : 0;

	if (!err) {
		sift(e, config, same);
		take(e, config, same);
		orphans_adopt(e);
		expiry_watch(e);
		e->cookie_threshold = config->cookie_threshold ? config->cookie_threshold : COOKIE_THRESHOLD;
		/* The connections are the engine's now. */
		config->count = 0;
	}
	free(same);
	ike_config_free(config);
	return err;
}
