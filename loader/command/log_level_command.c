/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include "commands.h"
#include "control_client.h"
#include "lib/log.h"
#include "session.h"

static void print(const struct invocation *inv, const char *level)
{
	cJSON *json;

	if (!inv->json) {
		puts(level);
		return;
	}
	json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "level", level);
	json_print(json, inv->pretty);
	cJSON_Delete(json);
}

int log_level_command(const struct invocation *inv)
{
	const char *wanted = word(inv, "level");
	enum log_level level;
	cJSON *reply = NULL;
	struct instance in;
	struct fault f;
	int err;

	if (wanted && !log_level_parse(wanted, &level))
		return cli_usage(inv, "give warning, info or debug");
	err = session_instance(inv, &in, &f);
	if (!err)
		err = control_ask(&in, inv->command->name, inv->words, -1, &reply, &f);
	if (err)
		return cli_fail(inv, f.text);
	if (!wanted)
		print(inv, json_text(reply, "level"));
	cJSON_Delete(reply);
	return EXIT_SUCCESS;
}
