/* SPDX-License-Identifier: BSD-2-Clause */
#include "connection_policies.h"

#include <errno.h>
#include <string.h>

#include "lib/log.h"
#include "policy/locals.h"
#include "policy/policy_text.h"
#include "policy/spd_store.h"

static struct policy policy_of(const struct connection_config *c, const struct selector *sel)
{
	struct policy p = {
		.remote = c->remote,
		.rule = {.action = SPD_PROTECT, .owner = OWNER_IKE, .origin = c->remote.len},
	};

	rule_set_selector(&p.rule, sel);
	memcpy(p.rule.local, c->local, sizeof(p.rule.local));
	return p;
}

/* The section that came first. kind, name: of the one that cannot have its policy, too. */
static int blame(const struct config *config, const char *kind, const char *name, const struct policy *p, int err,
		 const struct fault *why, struct fault *f)
{
	cJSON *names = err == -EEXIST ? connection_policies_names(config) : NULL;
	char text[POLICY_TEXT];
	const cJSON *of = cJSON_GetObjectItemCaseSensitive(names, policy_selector_text(p, text));
	const char *its_kind = json_text(of, "kind"), *its_name = json_text(of, "name");

	if (its_name && (strcmp(its_kind, kind) != 0 || strcmp(its_name, name) != 0))
		fault(f, -err, "[%s %s]: a policy with the same selector is there, of [%s %s]: %s: only one can decide",
		      kind, name, its_kind, its_name, text);
	else
		fault(f, -err, "[%s %s]: %.300s", kind, name, why->text);
	cJSON_Delete(names);
	return err;
}

static int add(struct spd *spd, const struct config *config, const struct connection_config *c,
	       const struct selector *sel, struct fault *f)
{
	const struct policy p = policy_of(c, sel);
	struct fault why;
	int err = spd_add(spd, &p, &why);

	return err ? blame(config, "connection", c->name, &p, err, &why, f) : 0;
}

/* A port is either end's. */
static int add_protect(struct spd *spd, const struct config *config, const struct connection_config *c,
		       const struct protect *p, struct fault *f)
{
	const struct selector other = selector_mirrored(&p->sel);
	int err = add(spd, config, c, &p->sel, f);

	return err || !p->either_end ? err : add(spd, config, c, &other, f);
}

static int add_connection(struct spd *spd, const struct config *config, const struct connection_config *c,
			  struct fault *f)
{
	int err = 0;

	for (unsigned i = 0; i < c->protect_count && !err; i++)
		err = add_protect(spd, config, c, &c->protects[i], f);
	return err;
}

static int add_policy(struct spd *spd, const struct config *config, const struct policy_config *p, struct fault *f)
{
	struct fault why;
	int err = spd_add(spd, &p->policy, &why);

	return err ? blame(config, "policy", p->name, &p->policy, err, &why, f) : 0;
}

/* The SPD as it is to be, from what is there. */
static int build(struct spd *spd, const struct config *config, struct fault *f)
{
	int err = 0;

	spd_flush(spd, OWNER_IKE);
	spd_flush(spd, OWNER_FILE);
	for (unsigned i = 0; i < config->connection_count && !err; i++)
		err = add_connection(spd, config, &config->connections[i], f);
	for (unsigned i = 0; i < config->policy_count && !err; i++)
		err = add_policy(spd, config, &config->policies[i], f);
	return err;
}

static bool is_of_file(const struct policy *p)
{
	return p->rule.owner == OWNER_IKE || p->rule.owner == OWNER_FILE;
}

static bool any_of_file(const struct spd *spd)
{
	for (size_t i = 0; i < spd->count; i++)
		if (is_of_file(&spd->policies[i]))
			return true;
	return false;
}

/* Which is what is left of a file that was cut off while it was written: it may not open what the one before closed. */
static bool is_empty(const struct config *config)
{
	return !config->interface_count && !config->connection_count && !config->policy_count;
}

int connection_policies_check(const struct maps *maps, const struct config *config, struct fault *f)
{
	struct spd spd = {0};
	struct spd_image image = {0};
	int err = maps ? spd_read(maps, &spd, f) : 0;

	if (!err && is_empty(config) && any_of_file(&spd))
		err = fault(
			f, EINVAL,
			"the file has neither interface, connection nor policy, but policies of a file are in force: "
			"'detach all' takes them away");
	if (!err)
		err = build(&spd, config, f);
	if (!err)
		err = spd_compile(&spd, spd_prefixes(maps ? maps->slots : config->sa_max), &image, f);
	spd_image_free(&image);
	spd_free(&spd);
	return err;
}

static bool lets_by(const struct policy *p)
{
	return p->rule.owner == OWNER_FILE && p->rule.action == SPD_BYPASS;
}

/* What the file no longer lets by it may protect now, by a rule that would not come to its turn behind the old one.
 * wanted: sorted. */
static bool lets_by_no_longer(const struct policy *p, const struct spd *wanted)
{
	const struct policy *same = spd_find(wanted, p);

	return lets_by(p) && !(same && lets_by(same) && same->rule.prio == p->rule.prio);
}

static bool stays_while_starting(const struct policy *p, const void *wanted)
{
	return !lets_by_no_longer(p, wanted);
}

/* What both have is there already, and what protects or discards there goes on doing so until the start has succeeded.
 */
static int add_closing(struct spd *spd, const struct spd *wanted, struct fault *f)
{
	int err = 0;

	for (size_t i = 0; i < wanted->count && !err; i++) {
		const struct policy *p = &wanted->policies[i];

		if (!is_of_file(p) || p->rule.action == SPD_BYPASS)
			continue;
		err = spd_add(spd, p, f);
		if (err == -EEXIST)
			err = 0;
	}
	return err;
}

int connection_policies_add(const struct maps *maps, const struct config *config, struct fault *f)
{
	struct spd spd, wanted = {0};
	int err = spd_read(maps, &spd, f);
	const bool before = !err && any_of_file(&spd);

	if (!err && !before)
		err = build(&spd, config, f);
	if (!err && before) {
		err = build(&wanted, config, f);
		if (!err) {
			spd_sort(&wanted);
			spd_keep(&spd, stays_while_starting, &wanted);
			err = add_closing(&spd, &wanted, f);
		}
	}
	if (!err)
		err = spd_write(maps, &spd, f);
	spd_free(&wanted);
	spd_free(&spd);
	if (!err)
		locals_follow(maps);
	return err;
}

/* What closed, and whose selector no policy has any more. The new ones are added to on the way. */
static void tell_opened(const struct spd *before, struct spd *now)
{
	char text[PREFIX_TEXT];
	unsigned n = 0;

	for (size_t i = 0; i < before->count; i++) {
		const struct policy *p = &before->policies[i];

		if (is_of_file(p) && p->rule.action != SPD_BYPASS && spd_add(now, p, NULL) == 0 && !n++)
			prefix_text(&p->remote, text);
	}
	if (n)
		log_warning(
			"%u policies are no longer in the file, the first for %s: what no other is for GOES IN CLEAR",
			n, text);
}

int connection_policies_sync(const struct maps *maps, const struct config *config, struct fault *f)
{
	struct spd spd = {0}, before = {0};
	int err = spd_read(maps, &before, f);

	if (!err)
		err = spd_copy(&spd, &before, f);
	if (!err)
		err = build(&spd, config, f);
	if (!err)
		err = spd_write(maps, &spd, f);
	if (!err)
		tell_opened(&before, &spd);
	spd_free(&before);
	spd_free(&spd);
	if (!err)
		locals_follow(maps);
	return err;
}

/* ---- names ---- */

static void add_name(cJSON *names, const struct policy *p, const char *kind, const char *name)
{
	char text[POLICY_TEXT];
	cJSON *of = cJSON_AddObjectToObject(names, policy_selector_text(p, text));

	cJSON_AddStringToObject(of, "kind", kind);
	cJSON_AddStringToObject(of, "name", name);
}

static void add_connection_name(cJSON *names, const struct connection_config *c, const struct protect *protect)
{
	const struct selector other = selector_mirrored(&protect->sel);
	struct policy p = policy_of(c, &protect->sel);

	add_name(names, &p, "connection", c->name);
	if (!protect->either_end)
		return;
	p = policy_of(c, &other);
	add_name(names, &p, "connection", c->name);
}

cJSON *connection_policies_names(const struct config *config)
{
	cJSON *names = cJSON_CreateObject();

	for (unsigned i = 0; i < config->connection_count; i++)
		for (unsigned n = 0; n < config->connections[i].protect_count; n++)
			add_connection_name(names, &config->connections[i], &config->connections[i].protects[n]);
	for (unsigned i = 0; i < config->policy_count; i++)
		add_name(names, &config->policies[i].policy, "policy", config->policies[i].name);
	return names;
}
