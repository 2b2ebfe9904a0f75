/* SPDX-License-Identifier: BSD-2-Clause */
/* 'connection ...': IKE's answers come when there is an end to tell. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "connection_view.h"
#include "control_client.h"
#include "session.h"

int connection_order_command(const struct invocation *inv)
{
	return session_ask(inv, -1);
}

int connection_rekey_command(const struct invocation *inv)
{
	const char *what = word(inv, "what");

	if (what && strcmp(what, "child") != 0 && strcmp(what, "ike") != 0)
		return cli_usage(inv, "what: give child or ike");
	return session_ask(inv, -1);
}

int connection_list_command(const struct invocation *inv)
{
	struct instance in;
	cJSON *status = NULL;
	struct fault f;
	int err = session_instance(inv, &in, &f);

	if (!err)
		err = control_ask(&in, "status", NULL, -1, &status, &f);
	if (err)
		return cli_fail(inv, f.text);
	if (inv->json) {
		cJSON *list = connections_json(status);

		json_print(list, inv->pretty);
		cJSON_Delete(list);
	} else if (!connections_print(status)) {
		puts("no connections");
	}
	cJSON_Delete(status);
	return EXIT_SUCCESS;
}
