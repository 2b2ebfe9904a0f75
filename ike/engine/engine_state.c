/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine_state.h"

#include <stdarg.h>
#include <stdio.h>

void engine_random(struct engine *e, void *out, size_t size)
{
	e->ops.random(e->ops.arg, out, size);
}

uint64_t engine_random_u64(struct engine *e)
{
	uint64_t v;

	engine_random(e, &v, sizeof(v));
	return v;
}

void engine_log(struct engine *e, unsigned flags, const char *format, ...)
{
	char line[700];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	e->ops.log(e->ops.arg, flags, line);
}

void engine_tell(struct engine *e, bool remote, const char *event, const char *connection, cJSON *values)
{
	if (e->ops.tell)
		e->ops.tell(e->ops.arg, remote, event, connection, values);
	else
		cJSON_Delete(values);
}

uint64_t engine_jitter(struct engine *e, uint64_t ms, unsigned percent)
{
	const uint64_t span = ms * percent / 100;

	return span ? ms - engine_random_u64(e) % span : ms;
}
