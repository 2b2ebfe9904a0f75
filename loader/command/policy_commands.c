/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>

#include "commands.h"
#include "policy/policy.h"
#include "policy/policy_text.h"
#include "policy/spd_store.h"
#include "session.h"
#include "table.h"

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

static void print_table(const struct spd *spd)
{
	struct table *t = table_new("DST|SRC|PROTO|SPORT|DPORT|>PRIO|ACTION|BY");
	char text[SELECTOR_TEXT];

	for (size_t i = 0; i < spd->count; i++) {
		const struct policy *p = &spd->policies[i];
		const struct spd_rule *r = &p->rule;

		table_cell(t, "%s", prefix_text(&p->remote, text));
		table_cell(t, "%s", rule_local_text(r, text));
		table_cell(t, "%s", rule_proto_text(r, text));
		table_cell(t, "%s", rule_ports_text(r, true, text));
		table_cell(t, "%s", rule_ports_text(r, false, text));
		table_cell(t, "%u", r->prio);
		table_cell(t, "%s", policy_action_name(r->action));
		table_cell(t, "%s", policy_owner_name(r->owner));
	}
	table_print(t, stdout);
}

static void print_json(const struct spd *spd, bool pretty)
{
	cJSON *array = cJSON_CreateArray();
	char text[SELECTOR_TEXT];

	for (size_t i = 0; i < spd->count; i++) {
		const struct policy *p = &spd->policies[i];
		const struct spd_rule *r = &p->rule;
		cJSON *json = cJSON_CreateObject();

		cJSON_AddStringToObject(json, "dst", prefix_text(&p->remote, text));
		cJSON_AddStringToObject(json, "src", rule_local_text(r, text));
		cJSON_AddStringToObject(json, "proto", rule_proto_text(r, text));
		cJSON_AddStringToObject(json, "sport", rule_ports_text(r, true, text));
		cJSON_AddStringToObject(json, "dport", rule_ports_text(r, false, text));
		cJSON_AddNumberToObject(json, "prio", r->prio);
		cJSON_AddStringToObject(json, "action", policy_action_name(r->action));
		cJSON_AddStringToObject(json, "owner", policy_owner_name(r->owner));
		cJSON_AddItemToArray(array, json);
	}
	json_print(array, pretty);
	cJSON_Delete(array);
}

int policy_list_command(const struct invocation *inv)
{
	struct spd spd = {0};
	struct instance in;
	struct maps maps;
	struct fault f;
	int err = session_maps(inv, &in, &maps, &f);

	if (err)
		return cli_fail(inv, f.text);
	err = spd_read(&maps, &spd, &f);
	if (!err) {
		spd_sort(&spd);
		if (inv->json)
			print_json(&spd, inv->pretty);
		else
			print_table(&spd);
	}
	spd_free(&spd);
	maps_close(&maps);
	return err ? cli_fail(inv, f.text) : EXIT_SUCCESS;
}
