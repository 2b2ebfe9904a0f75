/* SPDX-License-Identifier: BSD-2-Clause */
#include "config_changes.h"

#include <stddef.h>
#include <string.h>

#include "maps/selector.h"

void config_change_add(cJSON *list, const char *what, const char *name, const char *change)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "what", what);
	cJSON_AddStringToObject(o, "name", name);
	cJSON_AddStringToObject(o, "change", change);
	cJSON_AddItemToArray(list, o);
}

/* ---- sections, by their names, which are unique within a kind ---- */

static bool same_protects(const struct connection_config *a, const struct connection_config *b)
{
	for (unsigned i = 0; i < a->protect_count && i < b->protect_count; i++)
		if (!selector_equal(&a->protects[i].sel, &b->protects[i].sel) ||
		    a->protects[i].either_end != b->protects[i].either_end)
			return false;
	return a->protect_count == b->protect_count;
}

/* Where in the file it stands does not matter. Both were zeroed before they were filled, but for what is copied whole.
 */
static bool same_connection(const struct connection_config *a, const struct connection_config *b)
{
	struct connection_config x = *a, y = *b;

	if (!same_protects(&x, &y))
		return false;
	x.line = y.line;
	memset(x.protects, 0, sizeof(x.protects));
	memset(y.protects, 0, sizeof(y.protects));
	/* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison,cert-exp42-c,cert-flp37-c): see above */
	return memcmp(&x, &y, sizeof(x)) == 0;
}

static bool same_policy(const struct policy_config *a, const struct policy_config *b)
{
	const struct policy *x = &a->policy, *y = &b->policy;

	return memcmp(&x->remote, &y->remote, sizeof(x->remote)) == 0 &&
	       memcmp(&x->rule, &y->rule, sizeof(x->rule)) == 0;
}

bool config_connection_same(const struct config *before, const struct config *after, const char *name)
{
	const struct connection_config *old = config_connection(before, name), *now = config_connection(after, name);

	return old && now && same_connection(old, now);
}

static void compare_connections(const struct config *before, const struct config *after, cJSON *list)
{
	for (unsigned i = 0; i < after->connection_count; i++) {
		const struct connection_config *now = &after->connections[i],
					       *old = config_connection(before, now->name);

		if (!old || !same_connection(old, now))
			config_change_add(list, "connection", now->name, old ? "changed" : "added");
	}
	for (unsigned i = 0; i < before->connection_count; i++)
		if (!config_has_connection(after, before->connections[i].name))
			config_change_add(list, "connection", before->connections[i].name, "removed");
}

static void compare_policies(const struct config *before, const struct config *after, cJSON *list)
{
	for (unsigned i = 0; i < after->policy_count; i++) {
		const struct policy_config *now = &after->policies[i], *old = config_policy(before, now->name);

		if (!old || !same_policy(old, now))
			config_change_add(list, "policy", now->name, old ? "changed" : "added");
	}
	for (unsigned i = 0; i < before->policy_count; i++)
		if (!config_has_policy(after, before->policies[i].name))
			config_change_add(list, "policy", before->policies[i].name, "removed");
}

/* ---- [daemon] ---- */

#define KEY(name, field, change) \
	{ \
		name, offsetof(struct config, field), sizeof(((struct config *)NULL)->field), change \
	}

static const struct {
	const char *name;
	size_t at;
	size_t size;
	const char *change;
} daemon_keys[] = {
	KEY("mark", mark, "restart"),
	KEY("unknown-spi", unknown_spi, "restart"),
	KEY("aead", aead, "restart"),
	KEY("lanes", lanes, "restart"),
	KEY("sa-max", sa_max, "restart"),
	KEY("cpus", cpus, "restart"),
	KEY("latency", low_latency, "restart"),
	KEY("keylog", keylog, "restart"),
	KEY("cookie-threshold", cookie_threshold, "changed"),
	KEY("log-level", log_level, "changed"),
	KEY("event-script", event_script, "changed"),
	KEY("ike-dscp", ike_dscp, "changed"),
};

static void compare_daemon(const struct config *before, const struct config *after, cJSON *list)
{
	for (size_t i = 0; i < sizeof(daemon_keys) / sizeof(daemon_keys[0]); i++)
		if (memcmp((const char *)before + daemon_keys[i].at, (const char *)after + daemon_keys[i].at,
			   daemon_keys[i].size) != 0)
			config_change_add(list, "daemon", daemon_keys[i].name, daemon_keys[i].change);
}

void config_changes(const struct config *before, const struct config *after, cJSON *list)
{
	compare_connections(before, after, list);
	compare_policies(before, after, list);
	compare_daemon(before, after, list);
}
