/* SPDX-License-Identifier: BSD-2-Clause */
#include "json.h"

#include <stdlib.h>

cJSON *json_command(const char *command)
{
	cJSON *message = cJSON_CreateObject();

	cJSON_AddStringToObject(message, "command", command);
	return message;
}

void json_print(const cJSON *json, bool pretty)
{
	char *text = pretty ? cJSON_Print(json) : cJSON_PrintUnformatted(json);

	if (text)
		puts(text);
	cJSON_free(text);
}
