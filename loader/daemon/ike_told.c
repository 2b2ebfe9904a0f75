/* SPDX-License-Identifier: BSD-2-Clause */
#include "ike_told.h"

#include "events/events.h"

void ike_told(const cJSON *message, const struct config *config)
{
	const enum event_kind kind = kind_find(json_text(message, "event"));
	const char *name = json_text(message, "name");
	const cJSON *said = json_item(message, "values");
	cJSON *values = cJSON_IsObject(said) ? cJSON_Duplicate(said, true) : cJSON_CreateObject();

	if (kind == KINDS || !(kinds[kind].flags & KIND_OF_IKE)) {
		cJSON_Delete(values);
		return;
	}
	if (json_number(message, "lost") > 0)
		cJSON_AddNumberToObject(values, "suppressed", json_number(message, "lost"));
	events_tell(kind, config && name && config_has_connection(config, name) ? name : NULL, values);
}
