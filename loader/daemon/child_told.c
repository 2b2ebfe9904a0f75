/* SPDX-License-Identifier: BSD-2-Clause */
#include "child_told.h"

#include <sys/wait.h>

void child_tell_started(const struct child *child, enum event_kind kind)
{
	cJSON *values = cJSON_CreateObject();

	cJSON_AddNumberToObject(values, "pid", child->pid);
	cJSON_AddNumberToObject(values, "restarts", child->restarts);
	events_tell(kind, NULL, values);
}

void child_tell_death(const struct child *child, enum event_kind kind)
{
	cJSON *values = cJSON_CreateObject();

	if (WIFSIGNALED(child->status))
		cJSON_AddNumberToObject(values, "signal", WTERMSIG(child->status));
	else
		cJSON_AddNumberToObject(values, "status", WEXITSTATUS(child->status));
	events_tell(kind, NULL, values);
}
