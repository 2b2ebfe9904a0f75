/* SPDX-License-Identifier: BSD-2-Clause */
#include "reload.h"

#include <errno.h>
#include <string.h>

#include "attach/gre.h"
#include "config/config_changes.h"
#include "config/config_file.h"
#include "connection_policies.h"
#include "events/events.h"
#include "lib/log.h"

/* Lines of changes in the log; 'reload' has them all. */
#define LINES_MAX 32

/* ---- what came of it ---- */

struct outcome {
	cJSON *json;
	cJSON *changes;
	cJSON *failures;
};

static struct outcome outcome_new(const char *path)
{
	struct outcome o = {.json = cJSON_CreateObject()};

	cJSON_AddNumberToObject(o.json, "version", RELOAD_VERSION);
	cJSON_AddStringToObject(o.json, "file", path);
	o.changes = cJSON_AddArrayToObject(o.json, "changes");
	o.failures = cJSON_AddArrayToObject(o.json, "failures");
	return o;
}

static void add_failure(const struct outcome *o, const char *what, const char *name, const char *error)
{
	cJSON *failure = cJSON_CreateObject();

	cJSON_AddStringToObject(failure, "what", what);
	cJSON_AddStringToObject(failure, "name", name);
	cJSON_AddStringToObject(failure, "error", error);
	cJSON_AddItemToArray(o->failures, failure);
}

const char *reload_change_text(const cJSON *change, char *buf, size_t size)
{
	static const struct {
		const char *change, *text;
	} texts[] = {
		{"renewed", "other certificates, CA or CRL; what is up stays up"},
		{"restart", "changed, and counts from the next start on"},
		{"reattached", "attached anew, with other settings"},
		{"expected", "not there: attached when it appears"},
		{"stays", "not in the file any more, and stays: only 'detach' gives it up"},
	};
	const char *what = json_text(change, "what"), *name = json_text(change, "name");
	const char *text = json_text(change, "change");

	for (size_t i = 0; text && i < sizeof(texts) / sizeof(texts[0]); i++)
		if (strcmp(texts[i].change, text) == 0) {
			text = texts[i].text;
			break;
		}
	snprintf(buf, size, "%s %s: %s",
		 what && strcmp(what, "daemon") == 0 ? "[daemon]"
		 : what				     ? what
						     : "?",
		 name ? name : "?", text ? text : "?");
	return buf;
}

static void log_changes(const char *path, const cJSON *changes)
{
	const cJSON *change;
	char text[200];
	int lines = 0;

	cJSON_ArrayForEach(change, changes)
		if (lines++ < LINES_MAX)
			log_line("%s: %s", path, reload_change_text(change, text, sizeof(text)));
	if (lines > LINES_MAX)
		log_line("%s: %d more changes", path, lines - LINES_MAX);
}

/* ---- interfaces ---- */

static void attach(struct reload *r, const struct interface_config *wanted, const struct outcome *o)
{
	const struct nic *nic = nics_find(r->guard->nics, wanted->name);
	const bool was = nic && nic->present, same = nic && interface_config_same(&nic->config, wanted);
	struct fault f;
	int err;

	if (was && same)
		return;
	err = guard_attach(r->guard, wanted, &f);
	if (!err) {
		config_change_add(o->changes, "interface", wanted->name, was ? "reattached" : "attached");
		return;
	}
	if (err == -ENODEV && same)
		return;
	/* One that is there goes on as it was. */
	if (!was && guard_expect(r->guard, wanted, &f))
		err = -ENOSPC;
	log_warning("%s", f.text);
	if (err == -ENODEV)
		config_change_add(o->changes, "interface", wanted->name, "expected");
	else
		add_failure(o, "interface", wanted->name, f.text);
}

/* Those that a file has named are told from those that were attached by hand. */
static void remember(struct config *running, const struct interface_config *interface)
{
	if (!config_has_interface(running, interface->name) && running->interface_count < PORTS_MAX)
		running->interfaces[running->interface_count++] = *interface;
}

static void reload_interfaces(struct reload *r, const struct config *fresh, const struct outcome *o)
{
	for (unsigned i = 0; i < fresh->interface_count; i++) {
		attach(r, &fresh->interfaces[i], o);
		remember(r->config, &fresh->interfaces[i]);
	}
	for (unsigned i = 0; i < PORTS_MAX; i++) {
		const struct nic *nic = &r->guard->nics->nic[i];

		if (nic->used && !config_has_interface(fresh, nic->config.name) &&
		    config_has_interface(r->config, nic->config.name))
			config_change_add(o->changes, "interface", nic->config.name, "stays");
	}
}

/* ---- connections and policies ---- */

static int refuse(const struct outcome *o, const char *what, const char *name, const struct fault *f)
{
	log_warning("%s; going on as before", f->text);
	add_failure(o, what, name, f->text);
	return -EINVAL;
}

/*
 * IKE first: it says whether keys and certificates are good. What a connection
 * that is new protects has no SA before its policy is there, and that is a moment later.
 */
static int run_connections(struct reload *r, const struct config *fresh, const struct outcome *o)
{
	struct config *before = r->config;
	struct fault f, late;

	if (connection_policies_check(r->guard->maps, fresh, &f))
		return refuse(o, "file", r->path, &f);
	if (!ike_run(r->ike, fresh, &f) && !connection_policies_sync(r->guard->maps, fresh, &f))
		return 0;
	refuse(o, "file", r->path, &f);
	/* Whatever comes of that, fresh is no more. */
	r->ike->config = before;
	if (ike_run(r->ike, before, &late))
		refuse(o, "file", r->path, &late);
	return -EINVAL;
}

/* What the file names is another than before, though the file says the same: IKE has noticed. */
static void add_noticed(const struct reload *r, const struct config *fresh, const struct outcome *o)
{
	const cJSON *noticed;

	cJSON_ArrayForEach(noticed, r->ike->changes) {
		const char *name = json_text(noticed, "name"), *how = json_text(noticed, "change");

		if (name && how && config_has_connection(fresh, name) && config_connection_same(r->config, fresh, name))
			config_change_add(o->changes, "connection", name, strcmp(how, "renewed") ? "changed" : how);
	}
}

/* What counts at once is the new one's from here on; the rest stays as it was at the start. */
static void take(struct config *running, const struct config *fresh)
{
	config_free(running);
	running->connections = fresh->connections;
	running->connection_count = fresh->connection_count;
	running->connection_names = fresh->connection_names;
	running->policies = fresh->policies;
	running->policy_count = fresh->policy_count;
	running->policy_names = fresh->policy_names;
	running->cookie_threshold = fresh->cookie_threshold;
	running->ike_dscp = fresh->ike_dscp;
	running->log_level = fresh->log_level;
	memcpy(running->event_script, fresh->event_script, sizeof(running->event_script));
}

/* What 'log-level' has set stays, unless the file says something else than before. */
static void set_log_level(struct reload *r, const struct config *fresh)
{
	if (fresh->log_level == r->config->log_level)
		return;
	log_set_level(fresh->log_level);
	if (r->ike->child.pid)
		ike_log_level(r->ike);
}

static int reload_connections(struct reload *r, const struct config *fresh, const struct outcome *o)
{
	struct fault f;

	if (run_connections(r, fresh, o))
		return -EINVAL;
	config_changes(r->config, fresh, o->changes);
	set_log_level(r, fresh);
	add_noticed(r, fresh, o);
	take(r->config, fresh);
	r->ike->config = r->config;
	guard_sync_gre(r->guard);
	if (liveness_configure(r->liveness, r->config, &f)) {
		log_warning("%s; the monitors go on as before", f.text);
		add_failure(o, "monitors", "", f.text);
	}
	return 0;
}

static int reload_file(struct reload *r, const struct outcome *o)
{
	struct config fresh;
	struct fault f;

	if (config_read(&fresh, r->path, &f))
		return refuse(o, "file", r->path, &f);
	if (reload_connections(r, &fresh, o)) {
		config_free(&fresh);
		return -EINVAL;
	}
	reload_interfaces(r, &fresh, o);
	gre_report(r->guard->maps, r->config);
	ways_look_at_new(r->guard->ways, r->config);
	return 0;
}

static void tell(const struct outcome *o)
{
	cJSON *values = cJSON_CreateObject();

	cJSON_AddNumberToObject(values, "changes", cJSON_GetArraySize(o->changes));
	cJSON_AddNumberToObject(values, "failures", cJSON_GetArraySize(o->failures));
	events_tell(KIND_RELOADED, NULL, values);
}

static void tell_refused(const struct outcome *o)
{
	events_tell_text(KIND_RELOAD_REFUSED, NULL, "what", json_text(cJSON_GetArrayItem(o->failures, 0), "error"));
}

cJSON *reload_run(struct reload *r)
{
	const struct outcome o = outcome_new(r->path);
	const int err = reload_file(r, &o);

	cJSON_AddBoolToObject(o.json, "taken", !err);
	if (!err) {
		log_changes(r->path, o.changes);
		log_line("%s: reloaded; NICs that are not in it stay attached: only 'detach' gives one up", r->path);
		tell(&o);
	} else {
		tell_refused(&o);
	}
	return o.json;
}
