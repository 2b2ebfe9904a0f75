/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "control_client.h"
#include "policy/policy.h"
#include "policy/policy_text.h"
#include "policy/spd_counters.h"
#include "policy/spd_store.h"
#include "session.h"
#include "hits_view.h"
#include "lines.h"

/* "connection" and a name. */
#define MAKER_TEXT 80

static int change(const struct invocation *inv, bool need_action)
{
	struct policy policy;
	struct fault f;
	int err = policy_parse(inv->words, need_action, &policy, &f);

	if (err == -EINVAL)
		return cli_usage(inv, f.text);
	return err ? cli_fail(inv, f.text) : session_ask(inv, -1);
}

int policy_add_command(const struct invocation *inv)
{
	return change(inv, true);
}

int policy_del_command(const struct invocation *inv)
{
	return change(inv, false);
}

int policy_flush_command(const struct invocation *inv)
{
	return session_ask(inv, -1);
}

/* ---- list ---- */

/* {"kind", "name"} of the section that made it, or NULL. */
static const cJSON *name_of(const struct policy *p, const cJSON *names)
{
	char text[POLICY_TEXT];

	return cJSON_GetObjectItemCaseSensitive(names, policy_selector_text(p, text));
}

/* "by hand", "connection core1"; without a daemon to ask, what the maps tell. */
static const char *maker_text(const struct policy *p, const cJSON *names, char buf[MAKER_TEXT])
{
	const cJSON *of = name_of(p, names);

	if (p->rule.owner == OWNER_MANUAL)
		return "by hand";
	if (!of)
		return p->rule.owner == OWNER_IKE ? "a connection" : "a policy of the file";
	snprintf(buf, MAKER_TEXT, "%s %s", json_text(of, "kind"), json_text(of, "name"));
	return buf;
}

/* "# connection core: out 1204 packets, 98.3 kB; in 0": a shell takes that for a comment. */
static void print_comment(const struct policy *p, const char *maker, const struct maps *maps)
{
	char out[HITS_TEXT], in[HITS_TEXT];
	struct policy_hits hits;

	if (spd_counters_read(maps, &p->rule, &hits))
		printf("# %s: out %s; in %s\n", maker, hits_text(&hits.out, out), hits_text(&hits.in, in));
	else
		printf("# %s: not counted\n", maker);
}

/* What has to be said of the instance in the shell that has asked: NULL: nothing. */
static const char *instance_to_give(const struct invocation *inv)
{
	const char *set = getenv("XDP_IPSEC_INSTANCE");

	return strcmp(inv->instance, set && *set ? set : "default") == 0 ? NULL : inv->instance;
}

/* The command that makes it, as it is typed there. */
static void print_command(const struct policy *p, const char *instance)
{
	char words[POLICY_TEXT], text[POLICY_TEXT + 128];

	snprintf(text, sizeof(text), "xdp-ipsec %s%s%spolicy add %s", instance ? "--instance " : "",
		 instance ? instance : "", instance ? " " : "", policy_text(p, words));
	lines_command(stdout, text);
}

/* Each as the command, and in front of that who has made it and what it has decided on. */
static void print_text(const struct invocation *inv, const struct spd *spd, const struct maps *maps, const cJSON *names)
{
	char maker[MAKER_TEXT];

	for (size_t i = 0; i < spd->count; i++) {
		print_comment(&spd->policies[i], maker_text(&spd->policies[i], names, maker), maps);
		print_command(&spd->policies[i], instance_to_give(inv));
	}
}

static cJSON *json_of(const struct policy *p, const struct maps *maps, const cJSON *names)
{
	const char *name = json_text(name_of(p, names), "name");
	const struct spd_rule *r = &p->rule;
	cJSON *json = cJSON_CreateObject();
	char text[SELECTOR_TEXT];
	struct policy_hits hits;
	const bool counted = spd_counters_read(maps, r, &hits);

	cJSON_AddStringToObject(json, "dst", prefix_text(&p->remote, text));
	cJSON_AddStringToObject(json, "src", rule_local_text(r, text));
	cJSON_AddStringToObject(json, "proto", rule_proto_text(r, text));
	cJSON_AddStringToObject(json, "sport", rule_ports_text(r, true, text));
	cJSON_AddStringToObject(json, "dport", rule_ports_text(r, false, text));
	cJSON_AddNumberToObject(json, "prio", r->prio);
	cJSON_AddStringToObject(json, "action", policy_action_name(r->action));
	cJSON_AddStringToObject(json, "owner", policy_owner_name(r->owner));
	cJSON_AddItemToObject(json, "name", name ? cJSON_CreateString(name) : cJSON_CreateNull());
	hits_add(json, "out", counted ? &hits.out : NULL);
	hits_add(json, "in", counted ? &hits.in : NULL);
	return json;
}

static void print_json(const struct spd *spd, const struct maps *maps, const cJSON *names, bool pretty)
{
	cJSON *array = cJSON_CreateArray();

	for (size_t i = 0; i < spd->count; i++)
		cJSON_AddItemToArray(array, json_of(&spd->policies[i], maps, names));
	json_print(array, pretty);
	cJSON_Delete(array);
}

int policy_list_command(const struct invocation *inv)
{
	cJSON *reply = NULL;
	const cJSON *names;
	struct spd spd = {0};
	struct instance in;
	struct maps maps;
	struct fault f;
	int err = session_maps(inv, &in, &maps, &f);

	if (err)
		return cli_fail(inv, f.text);
	err = spd_read(&maps, &spd, &f);
	if (!err) {
		/* Without a daemon they have no names. */
		control_ask(&in, "policy names", NULL, -1, &reply, NULL);
		names = cJSON_GetObjectItemCaseSensitive(reply, "document");
		spd_sort_by_precedence(&spd);
		if (inv->json)
			print_json(&spd, &maps, names, inv->pretty);
		else
			print_text(inv, &spd, &maps, names);
	}
	cJSON_Delete(reply);
	spd_free(&spd);
	maps_close(&maps);
	return err ? cli_fail(inv, f.text) : EXIT_SUCCESS;
}
