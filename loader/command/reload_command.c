/* SPDX-License-Identifier: BSD-2-Clause */
/* 'reload': what changed on stdout, what failed on stderr. */
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "control_client.h"
#include "daemon/reload.h"
#include "session.h"

static void print_changes(const cJSON *outcome)
{
	const cJSON *changes = json_item(outcome, "changes"), *change;
	char text[200];

	cJSON_ArrayForEach(change, changes)
		puts(reload_change_text(change, text, sizeof(text)));
	if (cJSON_IsTrue(json_item(outcome, "taken")) && !cJSON_GetArraySize(changes))
		puts("nothing has changed");
}

/* A line each; of a file that was refused, that nothing has changed belongs to it. */
static void print_failures(const struct invocation *inv, const cJSON *outcome)
{
	const bool taken = cJSON_IsTrue(json_item(outcome, "taken"));
	struct fault f;
	const cJSON *failure;

	cJSON_ArrayForEach(failure, json_item(outcome, "failures")) {
		fault(&f, EXIT_FAILURE, "%s%s", json_text(failure, "error"), taken ? "" : "; going on as before");
		cli_fail(inv, f.text);
	}
}

static int tell(const struct invocation *inv, const cJSON *outcome)
{
	if (inv->json)
		json_print(outcome, inv->pretty);
	else
		print_changes(outcome);
	fflush(stdout);
	print_failures(inv, outcome);
	return cJSON_GetArraySize(json_item(outcome, "failures")) ? EXIT_FAILURE : EXIT_SUCCESS;
}

int reload_command(const struct invocation *inv)
{
	cJSON *reply = NULL;
	struct instance in;
	struct fault f;
	int status, err = session_instance(inv, &in, &f);

	if (!err)
		err = control_ask(&in, inv->command->name, NULL, -1, &reply, &f);
	if (err)
		return cli_fail(inv, f.text);
	status = tell(inv, json_item(reply, "document"));
	cJSON_Delete(reply);
	return status;
}
